/* What a mirror takes of what comes in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mirror/choose.h"

struct rig {
    struct choose *choose;
    struct buf taken; /* each with a '/' behind it, whole ones with two */
};

static void on_chosen(void *cookie, struct slice bytes, bool whole)
{
    struct rig *r = cookie;
    buf_printf(&r->taken, "%.*s%s", (int)bytes.len, bytes.ptr, whole ? "//" : "/");
}

static struct mirror_opts opts_of(const char *share, enum mirror_by by)
{
    struct mirror_opts o = { .by = by, .parse = PARSE_OPTS_DEFAULT };
    assert_null(mirror_share_parse(slice_str(share), &o.share));
    return o;
}

static void open_rig(struct rig *r, const char *share, enum mirror_by by)
{
    const struct mirror_opts o = opts_of(share, by);
    *r = (struct rig){ .choose = choose_new(&o, on_chosen, r) };
}

static void close_rig(struct rig *r)
{
    choose_free(r->choose);
    buf_release(&r->taken);
}

static void feed(struct rig *r, const char *text, uint8_t flags)
{
    const struct tap_record rec = { .len = (uint32_t)strlen(text), .flags = flags, .share = 1 };
    choose_from(r->choose, &rec, text);
}

static void assert_taken(struct rig *r, const char *want)
{
    buf_append(&r->taken, "", 1);
    assert_string_equal(r->taken.ptr, want);
    buf_clear(&r->taken);
}

static void by_series_good_lines_go_as_they_came(void **unused)
{
    (void)unused;
    static const struct {
        const char *came, *taken;
        uint8_t flags;
    } rows[] = {
        { "a:1|c", "a:1|c/", 0 },
        { "a:1|c\n\nb:1:2:3|ms|@0.5|#x:y|c:ci-1|T17\n", "a:1|c/b:1:2:3|ms|@0.5|#x:y|c:ci-1|T17/",
          0 },
        { "bad\na:1|c\nbad:|c\r\n", "a:1|c/", 0 },
        { "_e{1,1}:t|x\n_sc|db|0\n_e{9,1}:t|x", "_e{1,1}:t|x/_sc|db|0/", 0 },
        { "g:1:-2:+3|g", "g:1:-2:+3|g/", 0 },
        { "a:1|c\nb:1|", "a:1|c/", TAP_TRUNCATED },
        { "a:1|c", "", TAP_TRUNCATED },
        { "a:1|c\nb:1|c", "a:1|c/b:1|c/", TAP_STREAM },
        { "", "", 0 },
    };
    struct rig r;
    open_rig(&r, "1", MIRROR_BY_SERIES);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        feed(&r, rows[i].came, rows[i].flags);
        assert_taken(&r, rows[i].taken);
    }
    close_rig(&r);
}

static void a_series_is_taken_in_all_spellings_or_in_none(void **unused)
{
    (void)unused;
    struct rig r;
    unsigned taken = 0;
    open_rig(&r, "30%", MIRROR_BY_SERIES);
    for (unsigned n = 0; n < 2000; n++) {
        char line[256], want[256];
        snprintf(line, sizeof line,
                 "s.%u:1|c|#a:1,b:2\ns.%u:2|g|#b:2,a:1\ns.%u:3|ms|@0.1|#a:1,b:2|T5", n, n, n);
        feed(&r, line, 0);
        snprintf(want, sizeof want,
                 "s.%u:1|c|#a:1,b:2/s.%u:2|g|#b:2,a:1/s.%u:3|ms|@0.1|#a:1,b:2|T5/", n, n, n);
        taken += r.taken.len > 0;
        assert_taken(&r, r.taken.len > 0 ? want : "");
    }
    assert_in_range(taken, 500, 700);
    close_rig(&r);
}

static void events_and_checks_go_by_their_title_or_name(void **unused)
{
    (void)unused;
    struct rig r;
    unsigned taken = 0;
    open_rig(&r, "0.5", MIRROR_BY_SERIES);
    for (unsigned n = 100; n < 400; n++) {
        char line[256], both[256];
        snprintf(line, sizeof line, "_e{3,1}:%u|x|t:error\n_e{3,2}:%u|yy\n_sc|%u|2|m:no", n, n, n);
        snprintf(both, sizeof both, "_e{3,1}:%u|x|t:error/_e{3,2}:%u|yy/_sc|%u|2|m:no/", n, n, n);
        feed(&r, line, 0);
        taken += r.taken.len > 0;
        assert_taken(&r, r.taken.len > 0 ? both : "");
    }
    assert_in_range(taken, 100, 200);
    close_rig(&r);
}

static void by_datagram_every_so_many_th_goes_whole(void **unused)
{
    (void)unused;
    static const struct {
        const char *share;
        unsigned of_1000;
    } rows[] = { { "0", 0 }, { "1", 1000 }, { "0.25", 250 }, { "50%", 500 }, { "0.001", 1 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        unsigned taken = 0;
        open_rig(&r, rows[i].share, MIRROR_BY_DATAGRAM);
        for (unsigned n = 0; n < 1001; n++) {
            feed(&r, "a:1|c\nbad\n", 0);
            taken += r.taken.len > 0 && n > 0;
            assert_taken(&r, r.taken.len > 0 ? "a:1|c\nbad\n//" : "");
        }
        assert_in_range(taken, rows[i].of_1000 > 0 ? rows[i].of_1000 - 1 : 0, rows[i].of_1000);
        close_rig(&r);
    }
}

static void by_datagram_pieces_of_streams_and_cut_ones_go_line_by_line(void **unused)
{
    (void)unused;
    struct rig r;
    open_rig(&r, "1", MIRROR_BY_DATAGRAM);
    feed(&r, "a:1|c\nbad\n", TAP_STREAM);
    assert_taken(&r, "a:1|c/bad/");
    feed(&r, "a:1|c\nb:1|", TAP_TRUNCATED);
    assert_taken(&r, "a:1|c/");
    close_rig(&r);
}

static void marks_are_passed_on_whatever_the_share_is(void **unused)
{
    (void)unused;
    static const enum mirror_by bys[] = { MIRROR_BY_SERIES, MIRROR_BY_DATAGRAM };
    for (size_t i = 0; i < ARRAY_LEN(bys); i++) {
        struct rig r;
        open_rig(&r, "0", bys[i]);
        feed(&r, "a:1|c\nstatsd.mirror.mark.0123456789abcdef.1:1|c\nb:1|c", 0);
        assert_taken(&r, "statsd.mirror.mark.0123456789abcdef.1:1|c/");
        close_rig(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_series_good_lines_go_as_they_came),
        cmocka_unit_test(a_series_is_taken_in_all_spellings_or_in_none),
        cmocka_unit_test(events_and_checks_go_by_their_title_or_name),
        cmocka_unit_test(by_datagram_every_so_many_th_goes_whole),
        cmocka_unit_test(by_datagram_pieces_of_streams_and_cut_ones_go_line_by_line),
        cmocka_unit_test(marks_are_passed_on_whatever_the_share_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
