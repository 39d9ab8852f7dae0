//! What is known of imports: tables of the standard library's packages.
//!
//! A table is Go source without bodies. `//go:tags` before a function has a word for each parameter (the receiver first) with the bytes
//! of its [`Tag`](heap_escape::Tag).

/// The release of Go of which the tables are: the 27 in 1.27.
pub(crate) const RELEASE: u32 = 27;

/// The table of a package.
pub(crate) fn table(path: &str) -> Option<&'static str> {
    TABLES.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}

const TABLES: &[(&str, &str)] = &[
    ("bufio", include_str!("../tables/bufio.go.txt")),
    ("bytes", include_str!("../tables/bytes.go.txt")),
    ("cmp", include_str!("../tables/cmp.go.txt")),
    ("container/heap", include_str!("../tables/container_heap.go.txt")),
    ("container/list", include_str!("../tables/container_list.go.txt")),
    ("context", include_str!("../tables/context.go.txt")),
    ("encoding/base64", include_str!("../tables/encoding_base64.go.txt")),
    ("encoding/binary", include_str!("../tables/encoding_binary.go.txt")),
    ("encoding/csv", include_str!("../tables/encoding_csv.go.txt")),
    ("encoding/hex", include_str!("../tables/encoding_hex.go.txt")),
    ("encoding/json", include_str!("../tables/encoding_json.go.txt")),
    ("errors", include_str!("../tables/errors.go.txt")),
    ("flag", include_str!("../tables/flag.go.txt")),
    ("fmt", include_str!("../tables/fmt.go.txt")),
    ("hash", include_str!("../tables/hash.go.txt")),
    ("hash/crc32", include_str!("../tables/hash_crc32.go.txt")),
    ("hash/fnv", include_str!("../tables/hash_fnv.go.txt")),
    ("hash/maphash", include_str!("../tables/hash_maphash.go.txt")),
    ("io", include_str!("../tables/io.go.txt")),
    ("io/fs", include_str!("../tables/io_fs.go.txt")),
    ("io/ioutil", include_str!("../tables/io_ioutil.go.txt")),
    ("iter", include_str!("../tables/iter.go.txt")),
    ("log", include_str!("../tables/log.go.txt")),
    ("maps", include_str!("../tables/maps.go.txt")),
    ("math", include_str!("../tables/math.go.txt")),
    ("math/big", include_str!("../tables/math_big.go.txt")),
    ("math/bits", include_str!("../tables/math_bits.go.txt")),
    ("math/cmplx", include_str!("../tables/math_cmplx.go.txt")),
    ("math/rand", include_str!("../tables/math_rand.go.txt")),
    ("math/rand/v2", include_str!("../tables/math_rand_v2.go.txt")),
    ("net/url", include_str!("../tables/net_url.go.txt")),
    ("os", include_str!("../tables/os.go.txt")),
    ("os/exec", include_str!("../tables/os_exec.go.txt")),
    ("os/signal", include_str!("../tables/os_signal.go.txt")),
    ("path", include_str!("../tables/path.go.txt")),
    ("path/filepath", include_str!("../tables/path_filepath.go.txt")),
    ("reflect", include_str!("../tables/reflect.go.txt")),
    ("regexp", include_str!("../tables/regexp.go.txt")),
    ("runtime", include_str!("../tables/runtime.go.txt")),
    ("runtime/debug", include_str!("../tables/runtime_debug.go.txt")),
    ("slices", include_str!("../tables/slices.go.txt")),
    ("sort", include_str!("../tables/sort.go.txt")),
    ("strconv", include_str!("../tables/strconv.go.txt")),
    ("strings", include_str!("../tables/strings.go.txt")),
    ("sync", include_str!("../tables/sync.go.txt")),
    ("sync/atomic", include_str!("../tables/sync_atomic.go.txt")),
    ("testing", include_str!("../tables/testing.go.txt")),
    ("text/tabwriter", include_str!("../tables/text_tabwriter.go.txt")),
    ("time", include_str!("../tables/time.go.txt")),
    ("unicode", include_str!("../tables/unicode.go.txt")),
    ("unicode/utf16", include_str!("../tables/unicode_utf16.go.txt")),
    ("unicode/utf8", include_str!("../tables/unicode_utf8.go.txt")),
];
