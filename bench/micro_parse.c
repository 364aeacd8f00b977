/*
 * What parsing alone costs: lines prepared in memory, no sockets, no aggregation.
 *
 *     micro_parse [NUMBER OF THE MIX]
 *
 * A table instead of RESULT lines, ns of CPU: each mix of lines in datagrams of 1,432 bytes and in
 * datagrams of one line, beside the floor, which finds the line ends and does nothing else; then
 * numbers read and printed, beside the C library.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "micro.h"
#include "micro_cpu.h"
#include "protocol/parse.h"

enum { BYTES = 512 << 10, TIMES = 20, SERIES = 10000, BATCH = 256 };

typedef int (*line_fn)(char *out, size_t room, uint32_t r);

static int line_counter(char *out, size_t room, uint32_t r)
{
    uint32_t s = r % SERIES;
    return snprintf(
        out, room,
        "app.http.requests.count:1|c|#service:svc%u,endpoint:/api/v1/e%u,method:GET,status:200\n",
        s % 50, s);
}

static int line_mixed(char *out, size_t room, uint32_t r)
{
    uint32_t s = r % SERIES, k = s % 10;
    if (k < 6)
        return line_counter(out, room, r);
    if (k < 9)
        return snprintf(out, room,
                        "app.http.request.duration:%u.%u|ms"
                        "|#service:svc%u,endpoint:/api/v1/e%u,method:GET,status:200\n",
                        (r >> 16) % 900, (r >> 4) % 10, s % 50, s);
    return snprintf(out, room, "app.pool.size:%u|g|#service:svc%u,endpoint:/api/v1/e%u,pool:main\n",
                    (r >> 16) % 900, s % 50, s);
}

static int line_plain(char *out, size_t room, uint32_t r)
{
    return snprintf(out, room, "prod.web.%u.requests.served:%u|c|@0.%u\n", r % SERIES, r >> 20,
                    r % 9 + 1);
}

static int line_utf8(char *out, size_t room, uint32_t r)
{
    return snprintf(out, room,
                    "app.http.requests.count:1|c"
                    "|#service:svc\xc3\xa9%u,endpoint:/api/v1/e%u,method:GET,status:200\n",
                    r % 50, r % SERIES);
}

static int line_crlf(char *out, size_t room, uint32_t r)
{
    return snprintf(
        out, room,
        "app.http.requests.count:%u|c|#service:svc%u,endpoint:/api/v1/e%u,method:GET\r\n", r >> 28,
        r % 50, r % SERIES);
}

static int line_packed(char *out, size_t room, uint32_t r)
{
    return snprintf(
        out, room,
        "app.http.request.size:%u.5:%u:%u:7.25|d|#service:svc%u,method:GET|c:ci-0123456789ab\n",
        r % 900, r >> 20, r >> 24, r % 50);
}

/* As clients in containers send. */
static int line_long(char *out, size_t room, uint32_t r)
{
    uint32_t s = r % SERIES;
    return snprintf(out, room,
                    "app.http.request.duration:%u.%u|d|@0.5|#service:svc%u,endpoint:/api/v1/e%u,"
                    "method:GET,status:200,env:production,version:2026.11.26-1a2b3c4d,"
                    "kube_namespace:shop,pod_name:checkout-7f9c6d5b4-%u|c:ci-0123456789abcdef\n",
                    (r >> 16) % 900, (r >> 4) % 10, s % 50, s, s % 50);
}

static const struct {
    const char *name;
    line_fn fn;
} mixes[] = {
    { "counter, 3 tags", line_counter },
    { "mixed c/ms/g", line_mixed },
    { "plain, rate", line_plain },
    { "UTF-8 tag", line_utf8 },
    { "CR LF", line_crlf },
    { "packed, c:", line_packed },
    { "long, 8 tags, c:", line_long },
};

struct text {
    char *ptr;
    size_t len;
    uint64_t lines;
};

static struct text text_make(line_fn fn)
{
    char *room = mem_zalloc(PARSE_PAD_BEFORE + BYTES + 1024 + PARSE_PAD_BEHIND);
    struct text t = { room + PARSE_PAD_BEFORE, 0, 0 };
    uint32_t r = 12345;
    for (; t.len < BYTES; t.lines++) {
        r = r * 1664525u + 1013904223u;
        t.len += (size_t)fn(t.ptr + t.len, 1024, r >> 3);
    }
    return t;
}

/* The text fits the second cache, as bytes do that the kernel has just copied. */
static uint64_t pass(struct parser *p, struct batch *b, const struct text *t, size_t size)
{
    uint64_t check = 0;
    for (size_t at = 0, n; at < t->len; at += n) {
        n = t->len - at < size ? t->len - at : size;
        const char *lf = memrchr(t->ptr + at, '\n', n);
        n = lf ? (size_t)(lf - (t->ptr + at)) + 1
               : (size_t)((const char *)memchr(t->ptr + at, '\n', t->len - at) - (t->ptr + at)) + 1;
        parser_begin_padded(p, t->ptr + at, n, false);
        while (parser_next(p, b)) {
            check += b->samples[0].hash.lo;
            batch_clear(b);
        }
        if (b->n >= BATCH / 2) {
            check += b->samples[b->n - 1].hash.lo;
            batch_clear(b);
        }
    }
    batch_clear(b);
    return check;
}

static double passes(struct parser *p, struct batch *b, const struct text *t, size_t size,
                     uint64_t *ret_check)
{
    uint64_t start = micro_now_ns();
    for (int i = 0; i < TIMES; i++)
        *ret_check += pass(p, b, t, size);
    return (double)(micro_now_ns() - start) / (double)t->lines / TIMES;
}

/* The floor: finding the line ends, and nothing else. */
static double find_lines(const struct text *t, uint64_t *ret_check)
{
    uint64_t start = micro_now_ns();
    for (int i = 0; i < TIMES; i++) {
        const char *end = t->ptr + t->len;
        for (const char *at = t->ptr, *lf;
             at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1)
            *ret_check += (uint64_t)(lf - at);
    }
    return (double)(micro_now_ns() - start) / (double)t->lines / TIMES;
}

static double median_floor(const struct text *t, uint64_t *ret_check)
{
    struct micro ns = { 0 };
    for (int run = 0; run < MICRO_RUNS; run++)
        micro_add(&ns, find_lines(t, ret_check));
    return micro_median(&ns);
}

/* In datagrams of up to `size` bytes, of one line at least. */
static double median_parse(struct parser *p, struct batch *b, const struct text *t, size_t size,
                           uint64_t *ret_check)
{
    struct micro ns = { 0 };
    passes(p, b, t, size, ret_check); /* warms */
    for (int run = 0; run < MICRO_RUNS; run++)
        micro_add(&ns, passes(p, b, t, size, ret_check));
    return micro_median(&ns);
}

static void bench_mix(struct parser *p, struct batch *b, size_t mix)
{
    struct text t = text_make(mixes[mix].fn);
    uint64_t check = 0, before = b->counts.samples, rejected = 0;
    double floor = median_floor(&t, &check);
    double whole = median_parse(p, b, &t, 1432, &check), one = median_parse(p, b, &t, 1, &check);
    for (int i = 0; i < REASON_COUNT; i++)
        rejected += b->counts.rejected[i];
    if (check == 0 || b->counts.samples == before)
        abort();
    printf("%-18s %8.1f %8.1f %8.1f %8.1f %8.1f %12" PRIu64 "\n", mixes[mix].name,
           (double)t.len / (double)t.lines, floor, whole, whole / floor, one, rejected);
    free(t.ptr - PARSE_PAD_BEFORE);
}

/* only: a mix's number, -1 for all. */
static void bench_lines(long only)
{
    struct parser *p = parser_new(&PARSE_OPTS_DEFAULT);
    struct batch b;
    if (p == NULL || batch_init(&b, BATCH, 8192) != 0)
        abort();
    printf("%-18s %8s %8s %8s %8s %8s %12s\n", "lines", "bytes", "floor ns", "ns 1432", "ratio",
           "ns one", "rejected");
    for (size_t m = 0; m < ARRAY_LEN(mixes); m++)
        if (only < 0 || m == (size_t)only)
            bench_mix(p, &b, m);
    batch_release(&b);
    parser_free(p);
}

enum { NUMBERS = 200000 };

/* Texts of one form, NUL-terminated for strtod. */
static void numbers_make(const char *form, bool odd, struct slice *texts)
{
    uint32_t r = 7;
    for (int i = 0; i < NUMBERS; i++) {
        r = r * 1664525u + 1013904223u;
        double v = odd ? (double)r * 1.234567890123e-3 : (double)(r >> 12) / 7;
        char text[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int n = snprintf(text, sizeof text, form, v);
#pragma GCC diagnostic pop
        texts[i] = slice_of(mem_strndup(text, (size_t)n), (size_t)n);
    }
}

static void numbers_free(struct slice *texts)
{
    for (int i = 0; i < NUMBERS; i++) {
        char *owned;
        memcpy(&owned, &texts[i].ptr, sizeof owned);
        free(owned);
    }
}

static void bench_form(const char *form, const struct slice *texts, double *values)
{
    struct micro parse_ns = { 0 }, print_ns = { 0 }, strtod_ns = { 0 }, printf_ns = { 0 };
    double sum = 0;
    size_t bytes = 0;
    for (int run = 0; run < MICRO_RUNS; run++) {
        char out[NUMBER_TEXT_MAX];
        uint64_t t0 = micro_now_ns();
        for (int i = 0; i < NUMBERS; i++)
            if (!number_parse(texts[i], &values[i]))
                abort();
        uint64_t t1 = micro_now_ns();
        for (int i = 0; i < NUMBERS; i++)
            bytes += number_print(out, values[i]);
        uint64_t t2 = micro_now_ns();
        for (int i = 0; i < NUMBERS; i++)
            sum += strtod(texts[i].ptr, NULL);
        uint64_t t3 = micro_now_ns();
        for (int i = 0; i < NUMBERS; i++)
            bytes += (size_t)snprintf(out, sizeof out, "%.17g", values[i]);
        uint64_t t4 = micro_now_ns();
        micro_add(&parse_ns, (double)(t1 - t0) / NUMBERS);
        micro_add(&print_ns, (double)(t2 - t1) / NUMBERS);
        micro_add(&strtod_ns, (double)(t3 - t2) / NUMBERS);
        micro_add(&printf_ns, (double)(t4 - t3) / NUMBERS);
        sum += values[run];
    }
    if (bytes == 0 || sum < 0)
        abort();
    printf("%-18s %8.1f %8.1f %8.1f %8.1f   e.g. %.*s\n", form, micro_median(&parse_ns),
           micro_median(&strtod_ns), micro_median(&print_ns), micro_median(&printf_ns),
           (int)texts[1].len, texts[1].ptr);
}

static void bench_numbers(void)
{
    static const struct {
        const char *form;
        bool odd; /* all 17 digits are needed */
    } forms[] = { { "%.0f", false }, { "%.3f", false }, { "%.17g", true }, { "%.10e", false } };
    struct slice *texts = mem_alloc(NUMBERS * sizeof *texts);
    double *values = mem_alloc(NUMBERS * sizeof *values);
    printf("\n%-18s %8s %8s %8s %8s\n", "numbers", "parse ns", "strtod", "print ns", "%.17g");
    for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
        numbers_make(forms[f].form, forms[f].odd, texts);
        bench_form(forms[f].form, texts, values);
        numbers_free(texts);
    }
    free(texts);
    free(values);
}

int main(int argc, char **argv)
{
    micro_cpu();
    bench_lines(argc > 1 ? strtol(argv[1], NULL, 10) : -1);
    if (argc == 1)
        bench_numbers();
    return 0;
}
