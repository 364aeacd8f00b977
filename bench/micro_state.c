/*
 * A restart's file: what /metrics shows written to a file and synced, read with its checksums, and
 * loaded by an empty registry.
 *
 *     micro_state [SERIES...]     in TMPDIR, or /tmp
 */
#include <stdlib.h>
#include <unistd.h>

#include "aggregate/registry.h"
#include "aggregate/registry_state.h"
#include "state/state_file.h"
#include "micro.h"
#include "micro_load.h"

struct steps {
    struct micro save, check, load;
    uint64_t bytes;
};

static const struct state_clock at = { .wall_ms = 1700000000000,
                                       .interval_start_ms = 1700000000000,
                                       .interval_ms = 10000 };

static void must(int rc)
{
    if (rc < 0)
        abort();
}

static struct registry *fresh(const struct micro_load *l, struct series_limit *limit)
{
    const struct registry_opts o = { .profiles = l->profiles, .limit = limit };
    return registry_new(&o);
}

static struct registry *filled(struct micro_load *l)
{
    struct registry *r = fresh(l, &l->limit);
    micro_load_pass(l, now_mono_ns());
    if (!ingest_turn(l->ingest, now_mono_ns()))
        abort();
    struct page *p = ingest_take(l->ingest);
    if (p == NULL)
        abort();
    registry_merge(r, p, now_mono_ns());
    ingest_give(l->ingest, p);
    return r;
}

static void save(struct state_file *f, struct registry *r)
{
    struct records_writer w;
    struct registry_save s;
    must(state_file_create(f));
    const struct records_sink sink = state_file_sink(f);
    records_begin(&w, &sink, 1);
    registry_save_begin(&s, r, &w, &at, false);
    while (registry_save_some(&s, SIZE_MAX)) {}
    registry_save_end(&s);
    must(records_end(&w));
    must(state_file_commit(f));
}

/* l: NULL: for the checksums alone */
static void read_file(struct state_file *f, struct registry_load *l)
{
    const struct records_source from = state_file_source(f);
    struct records_reader reader;
    uint8_t type;
    struct slice body;
    int rc;
    must(records_open(&reader, &from, 1));
    while ((rc = records_next(&reader, &type, &body)) > 0)
        if (l != NULL && !registry_load_record(l, type, body))
            abort();
    must(rc);
    records_close(&reader);
}

static void load(struct state_file *f, const struct micro_load *load, struct steps *s)
{
    struct series_limit limit;
    must(series_limit_init(&limit, load->limit.max));
    struct registry *r = fresh(load, &limit);
    struct registry_load l;
    uint64_t t0 = micro_now_ns();
    must(state_file_open(f));
    read_file(f, NULL);
    uint64_t t1 = micro_now_ns();
    must(state_file_rewind(f));
    registry_load_begin(&l, r, &at, &at, now_mono_ns());
    read_file(f, &l);
    registry_load_end(&l, true);
    state_file_close(f);
    uint64_t t2 = micro_now_ns();
    micro_add(&s->check, (double)(t1 - t0));
    micro_add(&s->load, (double)(t2 - t1));
    registry_free(r);
    series_limit_release(&limit);
}

static void print(const char *what, const char *mix, uint32_t series, double value,
                  const char *unit)
{
    char name[64];
    snprintf(name, sizeof name, "state_%s_%s_%u", what, mix, series);
    micro_print(name, value, unit);
}

static void measure(struct state_file *f, const char *name, const char *mix, uint32_t series)
{
    struct micro_load l;
    struct steps s = { 0 };
    micro_load_init(&l, series, mix, series, 1432);
    struct registry *r = filled(&l);
    for (int run = 0; run < MICRO_RUNS; run++) {
        uint64_t from_ns = now_mono_ns(); /* of the wall: the disk is waited for */
        save(f, r);
        micro_add(&s.save, (double)(now_mono_ns() - from_ns));
        s.bytes = f->bytes;
        load(f, &l, &s);
    }
    print("save", name, series, micro_median(&s.save) / 1e6, "ms");
    print("check", name, series, micro_median(&s.check) / 1e6, "ms");
    print("load", name, series, micro_median(&s.load) / 1e6, "ms");
    print("bytes", name, series, (double)s.bytes / series, "bytes/series");
    registry_free(r);
    micro_load_release(&l);
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): no other thread */
    char dir[256];
    struct state_file f;
    snprintf(dir, sizeof dir, "%s/statsd-state-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        abort();
    must(state_file_open_dir(&f, dir));
    static const uint32_t usual[] = { 100000, 1000000 };
    for (size_t i = 0; i < (argc > 1 ? (size_t)argc - 1 : ARRAY_LEN(usual)); i++) {
        uint32_t series = argc > 1 ? (uint32_t)strtoul(argv[i + 1], NULL, 10) : usual[i];
        measure(&f, "counters", "c=100", series);
        measure(&f, "mixed", "c=60,ms=30,g=10", series);
    }
    must(state_file_consume(&f));
    state_file_close_dir(&f);
    return rmdir(dir) < 0;
}
