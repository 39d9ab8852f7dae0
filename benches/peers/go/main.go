// Command peers runs on Go's heap the shapes that `heap-lab bench` runs on
// this project's, and prints one JSON object with the same fields.
//
//	peers trees DEPTH [THREADS]
//	peers alloc SHAPE MODE
//	peers mark SHAPE COUNT CYCLES
//	peers pause [--live SIZE] [--mutators N] [--seconds S] [--collector WORD] [--observer WORD]
//	peers task ID [NUMBERS]
//	peers residence drop MIB SECONDS | free MIB | few ROUNDS MILLIS | shapes MIB SIZE:SLOTS...
//
// GOMAXPROCS, GOGC and GODEBUG are left to the environment, except where a
// mode says otherwise.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

func main() {
	report, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		fmt.Fprintln(os.Stderr, "usage: peers trees DEPTH [THREADS] | alloc SHAPE MODE | mark SHAPE COUNT CYCLES | pause [FLAGS] | task ID [NUMBERS] | residence KIND NUMBERS")
		os.Exit(2)
	}
	line, err := json.Marshal(report)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(2)
	}
	fmt.Println(string(line))
}

func run(args []string) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("no bench named")
	}
	kind, rest := args[0], args[1:]
	switch {
	case kind == "trees" && (len(rest) == 1 || len(rest) == 2):
		numbers, err := positive(rest)
		if err != nil {
			return nil, err
		}
		threads := 1
		if len(numbers) == 2 {
			threads = numbers[1]
		}
		return trees(args, numbers[0], threads)
	case kind == "alloc" && len(rest) == 2:
		return alloc(args, rest[0], rest[1])
	case kind == "mark" && len(rest) == 3:
		numbers, err := positive(rest[1:])
		if err != nil {
			return nil, err
		}
		return mark(args, rest[0], numbers[0], numbers[1])
	case kind == "pause":
		return pause(args)
	case kind == "task" && len(rest) >= 1:
		return runTask(args)
	case kind == "residence" && len(rest) >= 2:
		return residence(args)
	}
	return nil, fmt.Errorf("cannot run %q", args)
}

// positive reads numbers that must be at least 1.
func positive(texts []string) ([]int, error) {
	var numbers []int
	for _, text := range texts {
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 {
			return nil, fmt.Errorf("%q is not a positive number", text)
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}
