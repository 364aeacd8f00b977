#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "payload.h"

static struct payload_spec spec_of(const char *types)
{
    struct payload_spec s = { .seed = 1,
                              .series = 100,
                              .tags = 2,
                              .tag_values = 7,
                              .bytes = 1432,
                              .packed = 1,
                              .rate = 1,
                              .set_members = 10,
                              .lines = 1000,
                              .prefix = "bench.",
                              .suffix = "" };
    s.values = (struct values){ .kind = VALUES_CONSTANT, .a = 12.5 };
    assert_int_equal(mix_parse(slice_str(types), &s.mix), 0);
    return s;
}

/* clang-format off */
static const struct {
    const char *types;
    uint64_t i;
    uint32_t tags, packed;
    double rate;
    const char *suffix, *line;
} lines[] = {
    {"c",  0,  0, 1, 1,   "",        "bench.http.requests.count.0:1|c"},
    {"c",  10, 2, 1, 1,   "",
     "bench.http.requests.count:1|c|#service:svc3,endpoint:/api/v1/e1"},
    {"c",  60, 2, 1, 0.5, "",
     "bench.http.requests.count.1:1|c|@0.5|#service:svc4,endpoint:/api/v1/e1"},
    {"ms", 1,  1, 3, 0.1, "|c:ci-1",
     "bench.http.request.duration:12.5:12.5:12.5|ms|@0.1|#service:svc1|c:ci-1"},
    {"g",  1,  1, 3, 0.1, "",        "bench.pool.size:12.5|g|#service:svc1"},
    {"h",  1,  1, 2, 1,   "",        "bench.http.response.size:12.5:12.5|h|#service:svc1"},
    {"d",  2,  1, 1, 1,   "",        "bench.queue.latency:12.5|d|#service:svc2"},
};
/* clang-format on */

static void a_series_is_one_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct payload_spec s = spec_of(lines[i].types);
        struct payload_count count = { 0 };
        struct buf out = { 0 };
        struct rng r;
        s.tags = lines[i].tags;
        s.packed = lines[i].packed;
        s.rate = lines[i].rate;
        s.suffix = lines[i].suffix;
        rng_init(&r, 1);
        payload_line(&out, &s, lines[i].i, &r, &count);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, lines[i].line);
        assert_int_equal(count.lines, 1);
        buf_release(&out);
    }
}

static void a_set_line_names_one_of_its_members(void **state)
{
    (void)state;
    struct payload_spec s = spec_of("s");
    struct rng r;
    rng_init(&r, 1);
    for (int i = 0; i < 100; i++) {
        struct payload_count count = { 0 };
        struct buf out = { 0 };
        s.tags = 0;
        payload_line(&out, &s, 0, &r, &count);
        buf_append_char(&out, '\0');
        assert_int_equal(strlen(out.ptr), strlen("bench.users.unique.0:u7|s"));
        assert_memory_equal(out.ptr, "bench.users.unique.0:u", 22);
        buf_release(&out);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void every_series_is_different(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct payload_spec s = spec_of("c=3,ms,g,s,h,d");
    static char *keys[N];
    struct rng r;
    rng_init(&r, 1);
    for (uint64_t i = 0; i < N; i++) {
        struct payload_count count = { 0 };
        struct buf out = { 0 };
        payload_line(&out, &s, i, &r, &count);
        /* the value between ':' and '|' is not part of the series */
        char *colon = memchr(out.ptr, ':', out.len), *bar = memchr(out.ptr, '|', out.len);
        memset(colon, ' ', (size_t)(bar - colon));
        buf_append_char(&out, '\0');
        struct buf key = { 0 };
        for (char *p = out.ptr; *p; p++)
            if (*p != ' ')
                buf_append_char(&key, *p);
        buf_append_char(&key, '\0');
        keys[i] = key.ptr;
        buf_release(&out);
    }
    qsort(keys, N, sizeof *keys, by_text);
    for (size_t i = 1; i < N; i++)
        assert_string_not_equal(keys[i - 1], keys[i]);
    for (size_t i = 0; i < N; i++)
        free(keys[i]);
}

/* What the datagrams say against what the sums say. */
static void check_sums(const struct payload *p, const struct payload_spec *s)
{
    uint64_t n_lines = 0, values = 0;
    size_t at = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct send_datagram *d = &p->datagrams[i];
        const struct payload_count *held = &p->counts[i];
        uint32_t feeds = 0;
        assert_true(d->at == at && d->len > 0 && (s->bytes == 0 || d->len <= s->bytes));
        for (uint32_t k = 0; k < d->len; k++)
            feeds += p->bytes[d->at + k] == '\n';
        if (s->pad)
            assert_int_equal(d->len, s->bytes);
        else
            assert_int_equal(feeds, held->lines - 1);
        at += d->len;
        n_lines += held->lines;
        values += held->values;
    }
    assert_int_equal(at, p->len);
    assert_int_equal(n_lines, p->lines);
    assert_int_equal(values, p->values);
}

static void datagrams_hold_whole_lines_up_to_their_size(void **state)
{
    (void)state;
    static const uint32_t sizes[] = { 0, 90, 512, 1432, 8192 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (int pad = 0; pad < 2; pad++) {
            struct payload_spec s = spec_of("c=6,ms=3,g");
            struct payload p;
            s.bytes = sizes[i];
            s.pad = pad && sizes[i] > 0;
            assert_int_equal(payload_init(&p, &s), 0);
            check_sums(&p, &s);
            assert_int_equal(p.lines, 1000);
            if (sizes[i] == 0)
                assert_int_equal(p.n, 1000);
            payload_release(&p);
        }
    }
}

static void a_line_longer_than_a_datagram_is_refused(void **state)
{
    (void)state;
    struct payload_spec s = spec_of("c");
    struct payload p;
    s.bytes = 20;
    assert_int_equal(payload_init(&p, &s), -EMSGSIZE);
    assert_null(p.bytes);
}

static void a_block_of_more_bytes_than_it_may_have_is_refused(void **state)
{
    (void)state;
    struct payload_spec s = spec_of("ms");
    struct payload p;
    s.tags = 0;
    s.pad = true;
    for (s.lines = 100; s.lines <= 3000; s.lines *= 30) {
        s.block_max = 0;
        assert_int_equal(payload_init(&p, &s), 0);
        /* Of a longer one the first lines are taken for all: they need not be just like the rest */
        const size_t len = p.len, slack = s.lines < 1024 ? 0 : len / 5;
        payload_release(&p);
        s.block_max = len + slack;
        assert_int_equal(payload_init(&p, &s), 0);
        assert_int_equal(p.len, len);
        payload_release(&p);
        s.block_max = len - slack - s.bytes;
        assert_int_equal(payload_init(&p, &s), -EFBIG);
        assert_null(p.bytes);
        assert_int_equal(p.n + p.longest, 0);
    }
    /* The first thousand tell: all of these would be 300 GB. */
    s.lines = 5000000;
    s.bytes = 65507;
    s.most = 1;
    s.block_max = 1 << 30;
    assert_int_equal(payload_init(&p, &s), -EFBIG);
}

static void without_skew_every_series_comes_equally_often(void **state)
{
    (void)state;
    struct payload_spec s = spec_of("c");
    struct payload p;
    s.series = 300;
    s.lines = 0;
    s.bytes = 0;
    s.tags = 0;
    assert_int_equal(payload_init(&p, &s), 0);
    assert_int_equal(p.n % 300, 0);
    static unsigned seen[300];
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < p.n; i++)
        seen[atoi(p.bytes + p.datagrams[i].at + strlen("bench.http.requests.count."))]++;
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(seen[i], p.n / 300);
    payload_release(&p);
}

static void counter_increments_are_weighted_by_the_rate(void **state)
{
    (void)state;
    struct payload_spec s = spec_of("c,g");
    struct payload p;
    double sum = 0;
    s.rate = 0.25;
    assert_int_equal(payload_init(&p, &s), 0);
    for (size_t i = 0; i < p.n; i++)
        sum += p.counts[i].increments;
    assert_true(fabs(sum - 500 * 4) < 1e-9); /* ten decks of 100 series, half of them counters */
    payload_release(&p);
}

static void the_same_seed_builds_the_same_bytes(void **state)
{
    (void)state;
    struct payload_spec s = spec_of("c=6,ms=3,g,s,h,d");
    s.values = (struct values){ VALUES_LOGNORMAL, 100, 1 };
    s.skew = 1;
    struct payload a, b, c;
    assert_int_equal(payload_init(&a, &s), 0);
    assert_int_equal(payload_init(&b, &s), 0);
    s.seed++;
    assert_int_equal(payload_init(&c, &s), 0);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.bytes, b.bytes, a.len);
    assert_true(a.len != c.len || memcmp(a.bytes, c.bytes, a.len) != 0);
    payload_release(&a);
    payload_release(&b);
    payload_release(&c);
}

/* clang-format off */
static const struct {
    const char *text;
    int rc;
    uint32_t sum;
} mixes[] = {
    {"c",                       0,       1  },
    {"c=60,ms=30,g=10",         0,       100},
    {"c=60,ms=30,g=10,s=0,h,d", 0,       102},
    {"c=1,c=3",                 0,       3  },
    {"",                        -EINVAL, 0  },
    {"x",                       -EINVAL, 0  },
    {"c=",                      -EINVAL, 0  },
    {"c=-1",                    -EINVAL, 0  },
    {"c=0",                     -EINVAL, 0  },
    {"c,,g",                    -EINVAL, 0  },
};
/* clang-format on */

static void a_mix_is_a_list_of_weights(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mixes); i++) {
        struct mix m = { .sum = 77 };
        assert_int_equal(mix_parse(slice_str(mixes[i].text), &m), mixes[i].rc);
        assert_int_equal(m.sum, mixes[i].rc < 0 ? 77 : mixes[i].sum);
        uint32_t seen[MIX_TYPE_COUNT] = { 0 };
        for (uint32_t k = 0; mixes[i].rc == 0 && k < m.sum; k++)
            seen[mix_of(&m, k)]++;
        if (mixes[i].rc == 0)
            assert_memory_equal(seen, m.weight, sizeof seen);
    }
}

static void values_follow_their_distribution(void **state)
{
    (void)state;
    struct values v;
    struct rng r;
    static const char *const bad[] = { "",
                                       "constant",
                                       "constant:x",
                                       "uniform:1",
                                       "uniform:5:1",
                                       "lognormal:0:1",
                                       "lognormal:5:-1",
                                       "pareto:1",
                                       "constant:1e308",
                                       "uniform:-1e308:1e308",
                                       "lognormal:1:1000" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(values_parse(slice_str(bad[i]), &v), -EINVAL);
    rng_init(&r, 3);
    assert_int_equal(values_parse(SLICE_LIT("constant:0.125"), &v), 0);
    assert_true(values_draw(&v, &r) == 0.125);
    assert_int_equal(values_parse(SLICE_LIT("uniform:-5:5"), &v), 0);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double x = values_draw(&v, &r);
        assert_true(x >= -5 && x <= 5);
        sum += x;
    }
    assert_true(fabs(sum / 100000) < 0.1);
    assert_int_equal(values_parse(SLICE_LIT("lognormal:200:0.5"), &v), 0);
    int below = 0;
    for (int i = 0; i < 100000; i++)
        below += values_draw(&v, &r) < 200;
    assert_true(abs(below - 50000) < 1000); /* the median */
}

static void datagrams_hold_no_more_lines_than_wished(void **state)
{
    (void)state;
    for (uint32_t most = 1; most < 5; most++) {
        struct payload_spec s = spec_of("c");
        struct payload p;
        s.bytes = 1432;
        s.most = most;
        s.lines = 120;
        assert_int_equal(payload_init(&p, &s), 0);
        assert_int_equal(p.lines, 120);
        assert_int_equal(p.n, 120 / most);
        payload_release(&p);
    }
}

/* What lies between the datagrams of the block of a stream is all that sets it apart. */
static void a_stream_has_the_same_lines(void **state)
{
    (void)state;
    for (uint32_t bytes = 0; bytes <= 1432; bytes += 716) {
        struct payload_spec s = spec_of("c=2,ms,g");
        struct payload plain, by_line, frames;
        s.bytes = bytes;
        assert_int_equal(payload_init(&plain, &s), 0);
        s.framing = SEND_LINES;
        assert_int_equal(payload_init(&by_line, &s), 0);
        s.framing = SEND_FRAMES;
        assert_int_equal(payload_init(&frames, &s), 0);
        assert_true(by_line.n == plain.n && frames.n == plain.n);
        for (size_t i = 0; i < plain.n; i++) {
            const struct send_datagram *d = &plain.datagrams[i], *l = &by_line.datagrams[i],
                                       *f = &frames.datagrams[i];
            const unsigned char header[4] = { (unsigned char)d->len, (unsigned char)(d->len >> 8) };
            assert_int_equal(l->len, d->len + 1);
            assert_memory_equal(by_line.bytes + l->at, plain.bytes + d->at, d->len);
            assert_int_equal(by_line.bytes[l->at + d->len], '\n');
            assert_int_equal(f->len, d->len + 4);
            assert_memory_equal(frames.bytes + f->at, header, 4);
            assert_memory_equal(frames.bytes + f->at + 4, plain.bytes + d->at, d->len);
            assert_true(l->amount == d->amount && f->amount == d->amount);
        }
        payload_release(&plain);
        payload_release(&by_line);
        payload_release(&frames);
    }
}

/* A frame may be as long as a datagram, its header comes on top. */
static void a_line_may_fill_a_frame(void **state)
{
    (void)state;
    for (int framing = SEND_DATAGRAMS; framing <= SEND_FRAMES; framing++) {
        struct payload_spec s = spec_of("c");
        struct payload p;
        s.series = 1;
        s.tags = 0;
        s.framing = (enum send_framing)framing;
        s.bytes = (uint32_t)strlen("bench.http.requests.count.0:1|c");
        assert_int_equal(payload_init(&p, &s), 0);
        assert_int_equal(p.n, p.lines);
        payload_release(&p);
        s.bytes--;
        assert_int_equal(payload_init(&p, &s), -EMSGSIZE);
        assert_int_equal(p.longest, s.bytes + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_series_is_one_line),
        cmocka_unit_test(a_set_line_names_one_of_its_members),
        cmocka_unit_test(every_series_is_different),
        cmocka_unit_test(datagrams_hold_whole_lines_up_to_their_size),
        cmocka_unit_test(datagrams_hold_no_more_lines_than_wished),
        cmocka_unit_test(a_stream_has_the_same_lines),
        cmocka_unit_test(a_line_may_fill_a_frame),
        cmocka_unit_test(a_line_longer_than_a_datagram_is_refused),
        cmocka_unit_test(a_block_of_more_bytes_than_it_may_have_is_refused),
        cmocka_unit_test(without_skew_every_series_comes_equally_often),
        cmocka_unit_test(counter_increments_are_weighted_by_the_rate),
        cmocka_unit_test(the_same_seed_builds_the_same_bytes),
        cmocka_unit_test(a_mix_is_a_list_of_weights),
        cmocka_unit_test(values_follow_their_distribution),
    };
    return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
