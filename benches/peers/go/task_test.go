package main

import (
	"math"
	"testing"
)

// figures runs a task with these numbers.
func figures(t *testing.T, words ...string) map[string]float64 {
	t.Helper()
	report, err := runTask(append([]string{"task"}, words...))
	if err != nil {
		t.Fatal(err)
	}
	return report.(*task).Figures
}

func TestTasksTakeAsManyNumbersAsTheySay(t *testing.T) {
	for id, wanted := range tasks {
		words := []string{"task", id}
		for range wanted.numbers {
			words = append(words, "1")
		}
		if _, err := newTask(words); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if _, err := newTask(append(words, "1")); err == nil {
			t.Errorf("%s took a number too many", id)
		}
	}
	if _, err := newTask([]string{"task", "t99"}); err == nil {
		t.Error("there is no t99")
	}
}

func TestSpansHoldWhatFits(t *testing.T) {
	of := figures(t, "t05")
	for size, span := range map[string]float64{"24": 8192, "1408": 16384, "32768": 32768} {
		if of["span of "+size] != span {
			t.Errorf("a span of %s has %v bytes", size, of["span of "+size])
		}
	}
	if of["objects of 32768"] != 1 || of["objects of 1024"] > 8 || of["objects of 1024"] < 7 {
		t.Errorf("%v", of)
	}
}

func TestAProfileByPackageHasWhatEachAllocates(t *testing.T) {
	// The package of a command has another name when it is tested: not looked at here.
	of := figures(t, "t19", "3")
	for name, bytes := range map[string]float64{
		"bytes bakery":  3 * (80*96 + 70*112),
		"bytes post":    3 * 50 * 144,
		"bytes orchard": 3 * (60*128 + 40*160 + 40*128 + 101*64 + 90*80),
		// The orchard does it for the bakery, whoever asks the bakery.
		"called by bakery": 3 * (60*128 + 40*128),
		"called by post":   3 * 40 * 160,
	} {
		if of[name] != bytes {
			t.Errorf("%s: %v, not %v", name, of[name], bytes)
		}
	}
}

func TestPackagesAreReadOffNames(t *testing.T) {
	for name, wanted := range map[string]string{
		"main.round":                     "main",
		"peers/orchard.Pick[...]":        "orchard",
		"peers/bakery.Bread.Ripen":       "bakery",
		"peers/post.(*Sack[...]).Fill":   "post",
		"example.org/a/b.F.func1":        "b",
		"":                               "",
		"encoding/json.(*Encoder).Write": "json",
	} {
		if got := packageOf(name); got != wanted {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestAnArenaKeepsCountOfWhatItWasAskedFor(t *testing.T) {
	if _, err := runTask([]string{"task", "s3", "10"}); err == nil {
		t.Error("ten objects are no chunk")
	}
	of := figures(t, "s3", "1000")
	for name, value := range of {
		if math.IsNaN(value) || value < 0 {
			t.Errorf("%s: %v", name, value)
		}
	}
}
