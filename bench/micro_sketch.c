/*
 * The sketch alone: adding values, merging, quantiles, and the memory of one decade.
 */
#include <math.h>

#include "aggregate/sketch.h"
#include "base/mem.h"
#include "loadgen/mix.h"
#include "micro.h"

enum { VALUES = 200000, MERGES = 20000 };

static double *draw(const char *text)
{
    struct values v;
    struct rng r;
    double *x = mem_alloc(VALUES * sizeof *x);
    rng_init(&r, 1);
    if (values_parse(slice_str(text), &v) < 0)
        abort();
    for (int i = 0; i < VALUES; i++)
        x[i] = values_draw(&v, &r);
    return x;
}

static void fill(struct sketch *k, const double *x)
{
    for (int i = 0; i < VALUES; i++)
        if (sketch_add(k, x[i], 1) < 0)
            abort();
}

/* The floor of adding: a histogram by the values' exponents, which needs no search and no memory to
 * speak of. */
static void measure_add_floor(const char *name, const double *x)
{
    static uint64_t count[4096];
    struct micro ns = { 0 };
    for (int run = 0; run < MICRO_RUNS; run++) {
        uint64_t from_ns = micro_now_ns(), bits;
        for (int i = 0; i < VALUES; i++) {
            memcpy(&bits, &x[i], sizeof bits);
            count[bits >> 52]++;
        }
        __asm__ volatile("" : : "r"(count) : "memory");
        micro_add(&ns, (double)(micro_now_ns() - from_ns) / VALUES);
    }
    char floor[64];
    snprintf(floor, sizeof floor, "floor_%s", name);
    micro_print(floor, micro_median(&ns), "ns/value");
}

static void measure_add(const char *name, const char *distribution)
{
    struct micro ns = { 0 };
    double *x = draw(distribution);
    struct sketch k;
    sketch_init(&k, SKETCH_SCHEMA_DEFAULT);
    for (int run = 0; run <= MICRO_RUNS; run++) {
        sketch_clear(&k, SKETCH_SCHEMA_DEFAULT);
        uint64_t from_ns = micro_now_ns();
        fill(&k, x);
        if (run > 0)
            micro_add(&ns, (double)(micro_now_ns() - from_ns) / VALUES);
    }
    micro_print(name, micro_median(&ns), "ns/value");
    measure_add_floor(name, x);
    sketch_release(&k);
    free(x);
}

static void measure_merge(void)
{
    struct micro ns = { 0 }, quantile_ns = { 0 };
    double *x = draw("uniform:10:100"), sum = 0;
    static const double q[] = { 0.5, 0.9, 0.99 };
    struct sketch a, b;
    sketch_init(&a, SKETCH_SCHEMA_DEFAULT);
    sketch_init(&b, SKETCH_SCHEMA_DEFAULT);
    fill(&a, x);
    micro_print("sketch_decade_bytes", (double)(sizeof a + sketch_memory(&a)), "bytes");
    for (int run = 0; run <= MICRO_RUNS; run++) {
        double at[3];
        uint64_t t0 = micro_now_ns();
        for (int i = 0; i < MERGES; i++)
            if (sketch_merge(&b, &a) < 0)
                abort();
        uint64_t t1 = micro_now_ns();
        for (int i = 0; i < MERGES; i++) {
            sketch_quantiles(&a, q, 3, at);
            sum += at[0];
        }
        uint64_t t2 = micro_now_ns();
        if (run == 0)
            continue;
        micro_add(&ns, (double)(t1 - t0) / MERGES);
        micro_add(&quantile_ns, (double)(t2 - t1) / MERGES);
    }
    if (!(sum > 0))
        abort();
    micro_print("sketch_merge_decade", micro_median(&ns), "ns/merge");
    micro_print("sketch_quantiles_3", micro_median(&quantile_ns), "ns/call");
    /* Each looks at all of it once */
    double copy_ns = micro_copy_ns(sizeof a + sketch_memory(&a));
    micro_print("floor_sketch_merge_decade", copy_ns, "ns/merge");
    micro_print("floor_sketch_quantiles_3", copy_ns, "ns/call");
    sketch_release(&a);
    sketch_release(&b);
    free(x);
}

int main(void)
{
    sketch_setup();
    measure_add("sketch_add_constant", "constant:12.5");
    measure_add("sketch_add_decade", "uniform:10:100");
    measure_add("sketch_add_lognormal", "lognormal:100:1");
    measure_merge();
    return 0;
}
