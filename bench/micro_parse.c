/*
 * What parsing alone costs: lines prepared in memory, no sockets, no aggregation.
 *
 *     cc -O2 -D_GNU_SOURCE -Iinclude -o micro_parse bench/micro_parse.c build/libstatsd.a -lpthread -lm
 *     taskset -c 1 ./micro_parse [NUMBER OF THE MIX]
 *
 * Prints ns per line (median of 9 runs), for each mix of lines, in datagrams of 1,432 bytes and in datagrams of one line.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/now.h"
#include "base/number.h"
#include "protocol/parse.h"

enum { RUNS = 9, BYTES = 512 << 10, TIMES = 20, SERIES = 10000, BATCH = 256 };

typedef int (*line_fn)(char *out, size_t room, uint32_t r);

static int line_counter(char *out, size_t room, uint32_t r)
{
    uint32_t s = r % SERIES;
    return snprintf(out, room, "app.http.requests.count:1|c|#service:svc%u,endpoint:/api/v1/e%u,method:GET,status:200\n", s % 50, s);
}

static int line_mixed(char *out, size_t room, uint32_t r)
{
    uint32_t s = r % SERIES, k = s % 10;
    if (k < 6)
        return line_counter(out, room, r);
    if (k < 9)
        return snprintf(out, room, "app.http.request.duration:%u.%u|ms|#service:svc%u,endpoint:/api/v1/e%u,method:GET,status:200\n", (r >> 16) % 900,
                        (r >> 4) % 10, s % 50, s);
    return snprintf(out, room, "app.pool.size:%u|g|#service:svc%u,endpoint:/api/v1/e%u,pool:main\n", (r >> 16) % 900, s % 50, s);
}

static int line_plain(char *out, size_t room, uint32_t r)
{
    return snprintf(out, room, "prod.web.%u.requests.served:%u|c|@0.%u\n", r % SERIES, r >> 20, r % 9 + 1);
}

static int line_utf8(char *out, size_t room, uint32_t r)
{
    return snprintf(out, room, "app.http.requests.count:1|c|#service:svc\xc3\xa9%u,endpoint:/api/v1/e%u,method:GET,status:200\n", r % 50, r % SERIES);
}

static int line_crlf(char *out, size_t room, uint32_t r)
{
    return snprintf(out, room, "app.http.requests.count:%u|c|#service:svc%u,endpoint:/api/v1/e%u,method:GET\r\n", r >> 28, r % 50, r % SERIES);
}

static int line_packed(char *out, size_t room, uint32_t r)
{
    return snprintf(out, room, "app.http.request.size:%u.5:%u:%u:7.25|d|#service:svc%u,method:GET|c:ci-0123456789ab\n", r % 900, r >> 20, r >> 24, r % 50);
}

static const struct {
    const char *name;
    line_fn fn;
} mixes[] = {
    { "counter, 3 tags", line_counter }, { "mixed c/ms/g", line_mixed }, { "plain, rate", line_plain },
    { "UTF-8 tag", line_utf8 },          { "CR LF", line_crlf },         { "packed, c:", line_packed },
};

struct text {
    char *ptr;
    size_t len;
    uint64_t lines;
};

static struct text text_make(line_fn fn)
{
    struct text t = { mem_alloc(BYTES + 1024), 0, 0 };
    uint32_t r = 12345;
    for (; t.len < BYTES; t.lines++) {
        r = r * 1664525u + 1013904223u;
        t.len += (size_t)fn(t.ptr + t.len, 1024, r >> 3);
    }
    return t;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The text fits the second cache, as bytes do that the kernel has just copied. */
static uint64_t pass(struct parser *p, struct batch *b, const struct text *t, size_t size)
{
    uint64_t check = 0;
    for (size_t at = 0, n; at < t->len; at += n) {
        n = t->len - at < size ? t->len - at : size;
        const char *lf = memrchr(t->ptr + at, '\n', n);
        n = lf ? (size_t)(lf - (t->ptr + at)) + 1 : (size_t)((const char *)memchr(t->ptr + at, '\n', t->len - at) - (t->ptr + at)) + 1;
        parser_begin(p, t->ptr + at, n, false);
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

static double passes(struct parser *p, struct batch *b, const struct text *t, size_t size, uint64_t *ret_check)
{
    uint64_t start = now_mono_ns();
    for (int i = 0; i < TIMES; i++)
        *ret_check += pass(p, b, t, size);
    return (double)(now_mono_ns() - start) / (double)t->lines / TIMES;
}

/* The floor: finding the line ends, and nothing else. */
static double find_lines(const struct text *t, uint64_t *ret_check)
{
    uint64_t start = now_mono_ns();
    for (int i = 0; i < TIMES; i++) {
        const char *end = t->ptr + t->len;
        for (const char *at = t->ptr, *lf; at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1)
            *ret_check += (uint64_t)(lf - at);
    }
    return (double)(now_mono_ns() - start) / (double)t->lines / TIMES;
}

static double median_of(double ns[RUNS])
{
    qsort(ns, RUNS, sizeof ns[0], compare);
    return ns[RUNS / 2];
}

/* only: a mix's number, -1 for all. */
static void bench_lines(long only)
{
    static const size_t sizes[] = { 1432, 1 };
    struct parser *p = parser_new(&PARSE_OPTS_DEFAULT);
    struct batch b;
    if (p == NULL || batch_init(&b, BATCH, 8192) != 0)
        abort();
    printf("%-18s %8s %8s %8s %8s %8s %12s\n", "lines", "bytes", "floor ns", "ns 1432", "ratio", "ns one", "rejected");
    for (size_t m = 0; m < ARRAY_LEN(mixes); m++) {
        if (only >= 0 && m != (size_t)only)
            continue;
        struct text t = text_make(mixes[m].fn);
        double median[ARRAY_LEN(sizes)], floor_ns[RUNS];
        uint64_t check = 0, before = b.counts.samples;
        for (int i = 0; i < RUNS; i++)
            floor_ns[i] = find_lines(&t, &check);
        double floor = median_of(floor_ns);
        for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
            double ns[RUNS];
            passes(p, &b, &t, sizes[s], &check);
            for (int i = 0; i < RUNS; i++)
                ns[i] = passes(p, &b, &t, sizes[s], &check);
            median[s] = median_of(ns);
        }
        uint64_t rejected = 0;
        for (int i = 0; i < REASON_COUNT; i++)
            rejected += b.counts.rejected[i];
        if (check == 0 || b.counts.samples == before)
            abort();
        printf("%-18s %8.1f %8.1f %8.1f %8.1f %8.1f %12" PRIu64 "\n", mixes[m].name, (double)t.len / (double)t.lines, floor, median[0],
               median[0] / floor, median[1], rejected);
        free(t.ptr);
    }
    batch_release(&b);
    parser_free(p);
}

static void bench_numbers(void)
{
    enum { N = 200000 };
    static const char *const forms[] = { "%.0f", "%.3f", "%.17g", "%.10e" };
    struct slice *texts = mem_alloc(N * sizeof *texts);
    double *values = mem_alloc(N * sizeof *values);
    printf("\n%-18s %8s %8s %8s %8s\n", "numbers", "parse ns", "strtod", "print ns", "%.17g");
    for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
        double parse_ns[RUNS], print_ns[RUNS], strtod_ns[RUNS], printf_ns[RUNS], sum = 0;
        uint32_t r = 7;
        size_t bytes = 0;
        for (int i = 0; i < N; i++) {
            r = r * 1664525u + 1013904223u;
            double v = f == 2 ? (double)r * 1.234567890123e-3 : (double)(r >> 12) / 7;
            char text[64];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            int n = snprintf(text, sizeof text, forms[f], v);
#pragma GCC diagnostic pop
            texts[i] = slice_of(mem_strndup(text, (size_t)n), (size_t)n);
        }
        for (int run = 0; run < RUNS; run++) {
            char out[NUMBER_TEXT_MAX];
            uint64_t t0 = now_mono_ns();
            for (int i = 0; i < N; i++)
                if (!number_parse(texts[i], &values[i]))
                    abort();
            uint64_t t1 = now_mono_ns();
            for (int i = 0; i < N; i++)
                bytes += number_print(out, values[i]);
            uint64_t t2 = now_mono_ns();
            for (int i = 0; i < N; i++)
                sum += strtod(texts[i].ptr, NULL);
            uint64_t t3 = now_mono_ns();
            for (int i = 0; i < N; i++)
                bytes += (size_t)snprintf(out, sizeof out, "%.17g", values[i]);
            uint64_t t4 = now_mono_ns();
            parse_ns[run] = (double)(t1 - t0) / N;
            print_ns[run] = (double)(t2 - t1) / N;
            strtod_ns[run] = (double)(t3 - t2) / N;
            printf_ns[run] = (double)(t4 - t3) / N;
            sum += values[run];
        }
        if (bytes == 0 || sum < 0)
            abort();
        printf("%-18s %8.1f %8.1f %8.1f %8.1f   e.g. %.*s\n", forms[f], median_of(parse_ns), median_of(strtod_ns), median_of(print_ns),
               median_of(printf_ns), (int)texts[1].len, texts[1].ptr);
        for (int i = 0; i < N; i++) {
            char *owned;
            memcpy(&owned, &texts[i].ptr, sizeof owned);
            free(owned);
        }
    }
    free(texts);
    free(values);
}

int main(int argc, char **argv)
{
    bench_lines(argc > 1 ? strtol(argv[1], NULL, 10) : -1);
    if (argc == 1)
        bench_numbers();
    return 0;
}
