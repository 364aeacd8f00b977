/*
 * Pieces in files: written, read, dropped, adopted by the next process; and what happens to files
 * that are damaged, too many, or somebody else's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sinks/redis/spool_file.h"

enum { PIECE = 100 * 1024 };

struct folder {
    char path[64];
    int dir;
};

static int open_folder(void **state)
{
    static struct folder f;
    strcpy(f.path, "/tmp/spool-test-XXXXXX");
    assert_non_null(mkdtemp(f.path));
    f.dir = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f.dir > 0);
    *state = &f;
    return 0;
}

static size_t each_file(const struct folder *f, bool remove)
{
    size_t n = 0;
    DIR *d = opendir(f->path);
    const struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        n++;
        if (remove)
            (void)unlinkat(f->dir, e->d_name, 0);
    }
    closedir(d);
    return n;
}

static size_t files(const struct folder *f)
{
    return each_file(f, false);
}

static int close_folder(void **state)
{
    struct folder *f = *state;
    each_file(f, true);
    close(f->dir);
    return rmdir(f->path);
}

static struct slice body_of(unsigned seed, size_t n)
{
    static char body[PIECE];
    assert_true(n <= sizeof body);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)(seed * 31 + i);
    return slice_of(body, n);
}

static void put(struct spool_file *s, unsigned seed, size_t n, struct spool_place *ret)
{
    assert_int_equal(spool_file_put(s, body_of(seed, n), 0, ret), 0);
}

static int get(struct spool_file *s, struct spool_place at, unsigned seed)
{
    struct buf out = { 0 };
    int rc = spool_file_get(s, at, &out);
    if (rc == 0)
        assert_true(slice_eq(buf_slice(&out), body_of(seed, at.len)));
    else
        assert_int_equal(out.len, 0);
    buf_release(&out);
    return rc;
}

static uint64_t on_disk(const struct spool_file *s)
{
    struct spool_file_stats st;
    spool_file_stats(s, &st);
    return st.bytes;
}

/* The next process has what `places` say. */
static struct spool_file *adopted(const struct folder *f, const struct spool_place *places,
                                  size_t n)
{
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    for (size_t i = 0; i < n; i++)
        assert_true(spool_file_adopt(s, places[i]));
    return s;
}

static void test_pieces_come_back_in_any_order_and_their_files_go_with_them(void **state)
{
    struct folder *f = *state;
    enum { N = 200 };
    struct spool_place at[N];
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    for (unsigned i = 0; i < N; i++)
        put(s, i, PIECE - i, &at[i]);
    assert_int_equal(files(f), 3); /* 20 MB in 8 MiB each */
    for (unsigned i = N; i-- > 0;)
        assert_int_equal(get(s, at[i], i), 0);
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(get(s, at[i], i), 0);
        spool_file_drop(s, at[i]);
    }
    assert_int_equal(files(f), 0);
    assert_int_equal(on_disk(s), 0);
    put(s, 7, 10, &at[0]); /* and goes on */
    assert_int_equal(get(s, at[0], 7), 0);
    spool_file_free(s);
}

static void test_nothing_is_made_before_the_first_piece(void **state)
{
    struct folder *f = *state;
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    assert_int_equal(spool_file_open(s), 0);
    assert_int_equal(files(f), 0);
    spool_file_free(s);
}

static void test_the_limit_is_of_bytes_on_disk(void **state)
{
    struct folder *f = *state;
    struct spool_place at[3], none;
    struct spool_file *s = spool_file_new(f->dir, 2 * PIECE + 100), *off;
    put(s, 0, PIECE, &at[0]);
    put(s, 1, PIECE, &at[1]);
    assert_int_equal(spool_file_put(s, body_of(2, PIECE), 0, &none), -ENOSPC);
    assert_true(on_disk(s) <= 2 * PIECE + 100);
    spool_file_drop(s, at[0]);
    spool_file_drop(s, at[1]);
    put(s, 2, PIECE, &at[2]);
    spool_file_drop(s, at[2]);
    spool_file_free(s);
    off = spool_file_new(f->dir, 0);
    assert_int_equal(spool_file_put(off, body_of(2, 1), 0, &none), -ENOSPC);
    assert_int_equal(files(f), 0);
    spool_file_free(off);
}

static void test_the_next_process_has_what_it_adopts_and_no_more(void **state)
{
    struct folder *f = *state;
    enum { N = 200 };
    struct spool_place at[N];
    struct spool_file_stats st;
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    for (unsigned i = 0; i < N; i++)
        put(s, i, PIECE, &at[i]);
    uint64_t bytes = on_disk(s);
    spool_file_free(s);
    assert_int_equal(files(f), 3);
    s = adopted(f, at, N);
    assert_int_equal(on_disk(s), bytes - 3 * 16); /* all but the files' heads, until it opens */
    assert_int_equal(spool_file_open(s), 0);
    assert_int_equal(on_disk(s), bytes);
    for (unsigned i = 0; i < N; i++)
        assert_int_equal(get(s, at[i], i), 0);
    struct spool_place more;
    put(s, 3, 5, &more); /* in a file of its own */
    assert_true(more.segment > at[N - 1].segment);
    spool_file_free(s);
    s = adopted(f, &at[N - 1], 1); /* the first two and the last file are left over */
    assert_int_equal(spool_file_open(s), 0);
    spool_file_stats(s, &st);
    assert_int_equal(st.left_over_segments, 3);
    assert_int_equal(files(f), 1);
    assert_int_equal(get(s, at[N - 1], N - 1), 0);
    spool_file_free(s);
}

static void test_a_damaged_state_lets_everything_be(void **state)
{
    struct folder *f = *state;
    struct spool_place at;
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    put(s, 0, PIECE, &at);
    spool_file_free(s);
    s = adopted(f, &at, 1);
    spool_file_forget(s);
    spool_file_free(s);
    assert_int_equal(files(f), 1);
}

static void test_places_that_no_put_has_given_are_not_adopted(void **state)
{
    struct folder *f = *state;
    static const struct spool_place bad[] = {
        { 0, 16, 10 }, { 1, 16, 0 },           { 1, 0, 10 },
        { 1, 15, 1 },  { UINT32_MAX, 16, 10 }, { 1, 16, SPOOL_PIECE_MAX + 1 },
    };
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(spool_file_adopt(s, bad[i]));
    assert_true(
        spool_file_adopt(s, (struct spool_place){ 9, 16, 10 })); /* of a file that is gone */
    assert_int_equal(get(s, (struct spool_place){ 9, 16, 10 }, 0), -ENOENT);
    spool_file_drop(s, (struct spool_place){ 9, 16, 10 });
    spool_file_free(s);
}

static void test_files_of_other_names_and_kinds_are_let_be(void **state)
{
    struct folder *f = *state;
    static const char *const names[] = { "statsd.state",   "redis-spool-",    "redis-spool-x",
                                         "redis-spool-01", "redis-spool-1.a", "redis-spool-0" };
    struct spool_file_stats st;
    struct spool_place at;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        close(openat(f->dir, names[i], O_CREAT | O_WRONLY, 0600));
    assert_int_equal(mkdirat(f->dir, "redis-spool-1", 0700), 0);
    assert_int_equal(symlinkat("statsd.state", f->dir, "redis-spool-2"), 0);
    assert_int_equal(mkfifoat(f->dir, "redis-spool-3", 0600), 0);
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    put(s, 0, 100, &at); /* passes over what is in its way */
    assert_int_equal(at.segment, 4);
    assert_int_equal(get(s, at, 0), 0);
    spool_file_stats(s, &st);
    assert_int_equal(st.left_over_segments, 0);
    assert_int_equal(files(f), sizeof names / sizeof names[0] + 4);
    assert_true(get(s, (struct spool_place){ 3, 16, 10 }, 0) < 0); /* and waits for nobody */
    spool_file_free(s);
    assert_int_equal(unlinkat(f->dir, "redis-spool-1", AT_REMOVEDIR), 0);
}

static void test_what_is_damaged_is_found_out_and_the_rest_is_there(void **state)
{
    struct folder *f = *state;
    enum { N = 3, BODY = 300 };
    struct spool_place at[N];
    char name[32];
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    for (unsigned i = 0; i < N; i++)
        put(s, i, BODY, &at[i]);
    snprintf(name, sizeof name, SPOOL_FILE_PREFIX "%u", at[0].segment);
    int fd = openat(f->dir, name, O_RDWR | O_CLOEXEC);
    for (off_t i = 0; i < BODY + 16; i++) { /* each byte of the one in the middle */
        char was, is;
        assert_int_equal(pread(fd, &was, 1, at[1].at + i), 1);
        is = (char)(was ^ 4);
        assert_int_equal(pwrite(fd, &is, 1, at[1].at + i), 1);
        assert_int_equal(get(s, at[1], 1), -EBADMSG);
        assert_int_equal(get(s, at[0], 0), 0);
        assert_int_equal(get(s, at[2], 2), 0);
        assert_int_equal(pwrite(fd, &was, 1, at[1].at + i), 1);
    }
    for (off_t i = 1; i < BODY; i += 7) { /* a torn tail */
        assert_int_equal(ftruncate(fd, at[2].at + i), 0);
        assert_int_equal(get(s, at[2], 2), -EBADMSG);
        assert_int_equal(get(s, at[1], 1), 0);
    }
    const struct spool_place moved = { at[0].segment, at[1].at, at[0].len };
    assert_int_equal(get(s, moved, 1), 0); /* the same piece */
    assert_int_equal(get(s, (struct spool_place){ at[0].segment, at[1].at + 1, 10 }, 1), -EBADMSG);
    close(fd);
    spool_file_free(s);
}

static void test_a_full_disk_is_tried_again_later_and_harms_nothing(void **state)
{
    struct folder *f = *state;
    struct rlimit was, small;
    struct spool_place at[2], none;
    struct spool_file_stats st;
    struct spool_file *s = spool_file_new(f->dir, UINT64_MAX);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    put(s, 0, PIECE, &at[0]);
    small = was;
    small.rlim_cur = PIECE + 5000; /* a part of the next piece fits */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(spool_file_put(s, body_of(1, PIECE), 1000, &none), -EFBIG);
    assert_int_equal(spool_file_put(s, body_of(1, PIECE), 1000 + SPOOL_RETRY_MS - 1, &none),
                     -EAGAIN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(get(s, at[0], 0), 0);
    assert_int_equal(spool_file_put(s, body_of(1, PIECE), 1000 + SPOOL_RETRY_MS, &at[1]), 0);
    assert_int_equal(get(s, at[1], 1), 0); /* over what was left half written */
    assert_int_equal(get(s, at[0], 0), 0);
    spool_file_stats(s, &st);
    assert_int_equal(st.failures, 1);
    spool_file_drop(s, at[0]);
    spool_file_drop(s, at[1]);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 8, was.rlim_max }), 0);
    assert_int_equal(spool_file_put(s, body_of(1, PIECE), 50000, &none), -EFBIG);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(files(f), 0); /* not even a head stays */
    spool_file_free(s);
}

int main(void)
{
#define FOLDER(test) cmocka_unit_test_setup_teardown(test, open_folder, close_folder)
    const struct CMUnitTest tests[] = {
        FOLDER(test_pieces_come_back_in_any_order_and_their_files_go_with_them),
        FOLDER(test_nothing_is_made_before_the_first_piece),
        FOLDER(test_the_limit_is_of_bytes_on_disk),
        FOLDER(test_the_next_process_has_what_it_adopts_and_no_more),
        FOLDER(test_a_damaged_state_lets_everything_be),
        FOLDER(test_places_that_no_put_has_given_are_not_adopted),
        FOLDER(test_files_of_other_names_and_kinds_are_let_be),
        FOLDER(test_what_is_damaged_is_found_out_and_the_rest_is_there),
        FOLDER(test_a_full_disk_is_tried_again_later_and_harms_nothing),
    };
#undef FOLDER
    return cmocka_run_group_tests(tests, NULL, NULL);
}
