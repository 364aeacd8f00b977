/* The state file: whole or not there, ours or set aside, and damaged in a thousand ways. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/state.h"
#include "state/state_file.h"
#include "support/state_memory.h"

#define READING STATE_FILE_NAME ".reading"

enum { DAMAGES = 1000 };

struct fixture {
    char dir[64];
    struct state_file file;
    struct buf whole; /* a sound file */
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ .dir = "/tmp/statsd-test-XXXXXX" };
    assert_non_null(mkdtemp(f.dir));
    assert_int_equal(state_file_open_dir(&f.file, f.dir), 0);
    *state = &f;
    return 0;
}

static void remove_named(const struct fixture *f, const char *name)
{
    (void)unlinkat(f->file.dir, name, 0);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    remove_named(f, STATE_FILE_NAME);
    remove_named(f, READING);
    for (int i = 1; i <= STATE_FILE_ASIDE; i++) {
        char name[STATE_FILE_TEXT];
        snprintf(name, sizeof name, "%s.damaged.%d", STATE_FILE_NAME, i);
        remove_named(f, name);
    }
    state_file_close_dir(&f->file);
    assert_int_equal(rmdir(f->dir), 0); /* nothing else is in it */
    buf_release(&f->whole);
    return 0;
}

static void put_file(const struct fixture *f, const char *bytes, size_t n)
{
    int fd = openat(f->file.dir, STATE_FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

static void read_file(const struct fixture *f, struct buf *out)
{
    int fd = openat(f->file.dir, STATE_FILE_NAME, O_RDONLY);
    ssize_t n;
    assert_true(fd >= 0);
    buf_clear(out);
    while ((n = read(fd, buf_reserve(out, 65536), 65536)) > 0)
        out->len += (size_t)n;
    close(fd);
}

static void fill(struct pipeline *p)
{
    for (int i = 0; i < 3000; i++) {
        char line[96];
        snprintf(line, sizeof line, "c.%d:1|c|#t:%d\ng%d:2|g\nt%d:3|ms", i, i, i % 50, i % 20);
        pipeline_feed(p, 0, line);
    }
    pipeline_turn(p);
}

static void save(struct fixture *f)
{
    struct pipeline p;
    struct pipeline_opts o = { 0 };
    struct sink_list sinks = { .n = 0 };
    struct carried carried = { 0 };
    struct records_writer w;
    struct registry_save s;
    pipeline_init(&p, &o);
    fill(&p);
    const struct state_parts parts = { "me", p.registry, &carried, NULL, &sinks, NULL };
    const struct state_clock clock = state_memory_clock(&p);
    assert_int_equal(state_file_create(&f->file), 0);
    const struct records_sink sink = state_file_sink(&f->file);
    records_begin(&w, &sink, STATE_VERSION);
    state_put_owner(&w, &parts, &clock, false);
    registry_save_begin(&s, p.registry, &w, &clock, false);
    while (registry_save_some(&s, 100)) {}
    registry_save_end(&s);
    assert_int_equal(records_end(&w), 0);
    assert_int_equal(state_file_commit(&f->file), 0);
    pipeline_release(&p);
}

/* As the start does it.   returns  0 with the lines there are, or an error and none */
static int load(struct fixture *f, const char **ret_why, size_t *ret_lines)
{
    struct pipeline p;
    struct pipeline_opts o = { 0 };
    struct sink_list sinks = { .n = 0 };
    struct carried carried = { 0 };
    struct state_owner owner;
    struct state_loaded loaded = { 0 };
    *ret_why = NULL;
    int rc = state_file_open(&f->file);
    if (rc < 0)
        return rc;
    pipeline_init(&p, &o);
    const struct records_source from = state_file_source(&f->file);
    const struct state_parts parts = { "me", p.registry, &carried, NULL, &sinks, NULL };
    const struct state_clock now = state_memory_clock(&p);
    rc = state_check(&from, "me", &owner, ret_why);
    if (rc == 0) {
        assert_int_equal(state_file_rewind(&f->file), 0);
        rc = state_load(&from, &parts, &owner, &now, p.now_ns, &loaded);
        *ret_why = loaded.why;
    }
    state_file_close(&f->file);
    *ret_lines = registry_restored(p.registry);
    pipeline_release(&p);
    return rc;
}

static void what_was_written_is_read(void **state)
{
    struct fixture *f = *state;
    const char *why;
    size_t lines;
    save(f);
    assert_int_equal(load(f, &why, &lines), 0);
    assert_int_equal(lines, 3070);
    assert_int_equal(state_file_consume(&f->file), 0);
    assert_int_equal(load(f, &why, &lines), -ENOENT);
}

struct random {
    uint64_t state;
};

static size_t below(struct random *r, size_t n)
{
    r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
    return (size_t)(r->state >> 33) % n;
}

/* Something that differs from what it was. */
static void damage(struct random *r, struct buf *b, unsigned how)
{
    size_t at = below(r, b->len), n = 1 + below(r, 1 + (b->len - at) / 2);
    switch (how % 6) {
    case 0:
        b->ptr[at] = (char)(b->ptr[at] ^ (1 << below(r, 8)));
        break;
    case 1: /* it ends */
        b->len = at;
        break;
    case 2: /* a sector of zeros, of which one bit was set at least */
        n = n < 4096 ? n : 4096;
        b->ptr[at] |= 1;
        memset(b->ptr + at, 0, n);
        b->ptr[at] = (char)(b->ptr[at] == 0 ? 0 : 1);
        break;
    case 3: /* a part is missing */
        memmove(b->ptr + at, b->ptr + at + n, b->len - at - n);
        b->len -= n;
        break;
    case 4: /* a part is there twice, and the end is cut off */
        memmove(b->ptr + at + n, b->ptr + at, b->len - at - n);
        b->ptr[at] = (char)(b->ptr[at] ^ 4);
        break;
    default: /* it goes on */
        buf_append(b, "more", 1 + below(r, 4));
    }
}

static void damaged_in_a_thousand_ways_it_is_never_used(void **state)
{
    struct fixture *f = *state;
    struct random r = { 11 };
    struct buf b = { 0 };
    save(f);
    read_file(f, &f->whole);
    assert_true(f->whole.len > 2 * RECORDS_BLOCK);
    for (unsigned i = 0; i < DAMAGES; i++) {
        const char *why = NULL;
        size_t lines = 0;
        buf_clear(&b);
        buf_append(&b, f->whole.ptr, f->whole.len);
        damage(&r, &b, i);
        if (slice_eq(buf_slice(&b), buf_slice(&f->whole)))
            continue;
        put_file(f, b.ptr, b.len);
        assert_true(load(f, &why, &lines) < 0);
        assert_non_null(why);
        assert_int_equal(lines, 0);
    }
    buf_release(&b);
}

static void until_it_is_whole_the_old_one_stays(void **state)
{
    struct fixture *f = *state;
    struct buf now = { 0 };
    save(f);
    read_file(f, &f->whole);
    assert_int_equal(state_file_create(&f->file), 0);
    const struct records_sink sink = state_file_sink(&f->file);
    assert_int_equal(sink.write(sink.cookie, "half", 4), 0);
    read_file(f, &now);
    assert_true(slice_eq(buf_slice(&now), buf_slice(&f->whole)));
    state_file_give_up(&f->file);
    read_file(f, &now);
    assert_true(slice_eq(buf_slice(&now), buf_slice(&f->whole)));
    buf_release(&now);
}

/* What a process that was killed left half written. */
static void a_half_written_one_is_in_nobodys_way(void **state)
{
    struct fixture *f = *state;
    const char *why;
    size_t lines;
    int fd = openat(f->file.dir, STATE_FILE_NAME ".new", O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    assert_int_equal(load(f, &why, &lines), -ENOENT);
    save(f);
    assert_int_equal(load(f, &why, &lines), 0);
}

static void the_file_is_for_nobody_else(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    save(f);
    assert_int_equal(fstatat(f->file.dir, STATE_FILE_NAME, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_folder_or_fifo_in_its_place_is_not_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdirat(f->file.dir, STATE_FILE_NAME, 0700), 0);
    assert_int_equal(state_file_open(&f->file), -EPERM);
    assert_int_equal(unlinkat(f->file.dir, STATE_FILE_NAME, AT_REMOVEDIR), 0);
    assert_int_equal(mkfifoat(f->file.dir, STATE_FILE_NAME, 0600), 0);
    assert_int_equal(state_file_open(&f->file), -EPERM); /* and does not wait for a writer */
}

static void the_folder_has_one_process(void **state)
{
    struct fixture *f = *state;
    struct state_file other;
    assert_int_equal(state_file_open_dir(&other, f->dir), -EWOULDBLOCK);
    assert_int_equal(other.dir, -1);
    assert_int_equal(state_file_open_dir(&other, "/nonexistent"), -ENOENT);
}

static void few_are_set_aside(void **state)
{
    struct fixture *f = *state;
    char name[STATE_FILE_TEXT];
    for (int i = 1; i <= STATE_FILE_ASIDE + 2; i++) {
        char expected[STATE_FILE_TEXT];
        put_file(f, "x", 1);
        assert_int_equal(state_file_set_aside(&f->file, name), 0);
        snprintf(expected, sizeof expected, "%s.damaged.%d", STATE_FILE_NAME,
                 i < STATE_FILE_ASIDE ? i : STATE_FILE_ASIDE);
        assert_string_equal(name, expected);
    }
}

static bool is_there(const struct fixture *f, const char *name)
{
    return faccessat(f->file.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The process of before is gone, and its lock with it. */
static void next_process(struct fixture *f)
{
    state_file_close_dir(&f->file);
    assert_int_equal(state_file_open_dir(&f->file, f->dir), 0);
}

static void claim(struct fixture *f, const char *bytes)
{
    put_file(f, bytes, strlen(bytes));
    assert_int_equal(state_file_open(&f->file), 0);
    assert_int_equal(state_file_claim(&f->file), 0);
}

static void who_dies_while_it_reads_is_the_last_to_read(void **state)
{
    struct fixture *f = *state;
    char name[STATE_FILE_TEXT];
    claim(f, "deadly");
    assert_false(is_there(f, STATE_FILE_NAME));
    next_process(f);
    assert_int_equal(state_file_open(&f->file), -ENOENT);
    assert_true(state_file_left(&f->file));
    assert_int_equal(state_file_set_aside(&f->file, name), 0);
    assert_string_equal(name, STATE_FILE_NAME ".damaged.1");
    assert_true(is_there(f, name));
    assert_false(state_file_left(&f->file));
}

static void what_was_claimed_is_consumed_or_given_back(void **state)
{
    struct fixture *f = *state;
    claim(f, "all");
    state_file_close(&f->file);
    assert_int_equal(state_file_consume(&f->file), 0);
    assert_false(is_there(f, READING) || is_there(f, STATE_FILE_NAME));
    claim(f, "gauges");
    state_file_close(&f->file);
    assert_int_equal(state_file_return(&f->file), 0);
    assert_true(is_there(f, STATE_FILE_NAME) && !is_there(f, READING));
}

static void one_that_is_left_is_not_replaced_by_the_next(void **state)
{
    struct fixture *f = *state;
    claim(f, "first");
    next_process(f);
    put_file(f, "second", 6);
    assert_int_equal(state_file_open(&f->file), 0);
    assert_int_equal(state_file_claim(&f->file), -EEXIST);
    assert_true(is_there(f, READING) && is_there(f, STATE_FILE_NAME));
}

/* Folders that are not empty have all the names. */
static void take_names(const struct fixture *f, int n, bool taken)
{
    for (int i = 1; i <= n; i++) {
        char name[STATE_FILE_TEXT], inner[STATE_FILE_TEXT + 2];
        snprintf(name, sizeof name, "%s.damaged.%d", STATE_FILE_NAME, i);
        snprintf(inner, sizeof inner, "%s/x", name);
        if (taken) {
            assert_int_equal(mkdirat(f->file.dir, name, 0700), 0);
            assert_int_equal(mkdirat(f->file.dir, inner, 0700), 0);
        } else {
            assert_int_equal(unlinkat(f->file.dir, inner, AT_REMOVEDIR), 0);
            assert_int_equal(unlinkat(f->file.dir, name, AT_REMOVEDIR), 0);
        }
    }
}

static void a_name_that_a_folder_has_is_passed_over(void **state)
{
    struct fixture *f = *state;
    char name[STATE_FILE_TEXT];
    for (int i = 1; i <= STATE_FILE_ASIDE; i++) {
        put_file(f, "x", 1);
        assert_int_equal(state_file_set_aside(&f->file, name), 0);
    }
    remove_named(f, STATE_FILE_NAME ".damaged.3");
    assert_int_equal(mkdirat(f->file.dir, STATE_FILE_NAME ".damaged.3", 0700), 0);
    put_file(f, "y", 1);
    assert_int_equal(state_file_set_aside(&f->file, name), 0);
    assert_string_equal(name, STATE_FILE_NAME ".damaged.2");
    assert_int_equal(unlinkat(f->file.dir, STATE_FILE_NAME ".damaged.3", AT_REMOVEDIR), 0);
}

static int write_file(struct fixture *f, const char *bytes)
{
    assert_int_equal(state_file_create(&f->file), 0);
    const struct records_sink sink = state_file_sink(&f->file);
    assert_int_equal(sink.write(sink.cookie, bytes, strlen(bytes)), 0);
    return state_file_commit(&f->file);
}

static void what_cannot_be_set_aside_is_not_written_over(void **state)
{
    struct fixture *f = *state;
    struct buf now = { 0 };
    char name[STATE_FILE_TEXT];
    put_file(f, "only copy", 9);
    take_names(f, STATE_FILE_ASIDE, true);
    assert_true(state_file_set_aside(&f->file, name) < 0);
    for (int i = 0; i < 3; i++) {
        assert_true(write_file(f, "new") < 0);
        read_file(f, &now);
        assert_true(slice_eq(buf_slice(&now), SLICE_LIT("only copy")));
        assert_false(is_there(f, STATE_FILE_NAME ".new"));
    }
    take_names(f, STATE_FILE_ASIDE, false); /* somebody made room */
    assert_int_equal(write_file(f, "new"), 0);
    read_file(f, &now);
    assert_true(slice_eq(buf_slice(&now), SLICE_LIT("new")));
    assert_true(is_there(f, STATE_FILE_NAME ".damaged.1"));
    buf_release(&now);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read),
        TEST(damaged_in_a_thousand_ways_it_is_never_used),
        TEST(until_it_is_whole_the_old_one_stays),
        TEST(a_half_written_one_is_in_nobodys_way),
        TEST(the_file_is_for_nobody_else),
        TEST(a_folder_or_fifo_in_its_place_is_not_read),
        TEST(the_folder_has_one_process),
        TEST(few_are_set_aside),
        TEST(who_dies_while_it_reads_is_the_last_to_read),
        TEST(what_was_claimed_is_consumed_or_given_back),
        TEST(one_that_is_left_is_not_replaced_by_the_next),
        TEST(a_name_that_a_folder_has_is_passed_over),
        TEST(what_cannot_be_set_aside_is_not_written_over),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
