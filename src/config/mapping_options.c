/**
 *   mapping_options_read
 *     read_histogram -> read_buckets, read_native
 *     read_summary   -> read_quantiles -> read_quantile
 *   mapping_options_resolve
 */
#include "config/mapping_options.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/mapping_scalar.h"

static struct mapping_field element(const struct mapping_field *list,
                                    const struct document_node *node)
{
    return (struct mapping_field){
        .node = node, .line = node->line, .block = list->block, .name = list->name
    };
}

/* returns  false: not given, or not a list, which was told */
static bool given_list(struct mapping_reader *r, const struct mapping_field *f, const char *such_as)
{
    if (f->node == NULL)
        return false;
    if (f->node->kind == DOCUMENT_LIST)
        return true;
    mapping_reader_wrong(r, f, "is not a list; such as %s", such_as);
    return false;
}

static size_t list_length(const struct document *d, const struct document_node *list)
{
    size_t n = 0;
    for (const struct document_node *at = document_first(d, list); at != NULL;
         at = document_next(d, at))
        n++;
    return n;
}

/* One bound, behind the last one.  returns  false: it was refused */
static bool take_bound(struct mapping_reader *r, const struct mapping_field *f, double last,
                       struct mapping_blocks *ret)
{
    double v = 0;
    if (f->node->kind == DOCUMENT_TEXT && document_null(&r->document, f->node)) {
        mapping_reader_wrong(r, f, "is not a number; such as 5, 0.25 or 1e3");
        return false;
    }
    if (!mapping_scalar_number(r, f, &v))
        return false;
    if (isnan(v) || v == -INFINITY) {
        mapping_reader_wrong(r, f, "bounds no bucket; write a number");
        return false;
    }
    if (v <= last) {
        mapping_reader_wrong(
            r, f, "comes after %.17g: bounds have to rise; sort them and keep each once", last);
        return false;
    }
    assert(ret->buckets.at != NULL);
    if (v != INFINITY) /* +Inf is added to every list */
        ret->buckets.at[ret->buckets.n++] = v;
    return true;
}

static void read_buckets(struct mapping_reader *r, const struct mapping_field *f,
                         struct mapping_blocks *ret)
{
    const struct document *d = &r->document;
    double last = -INFINITY;
    if (!given_list(r, f, "[0.1, 1, 10]"))
        return;
    size_t n = list_length(d, f->node);
    if (n > OPTION_BUCKETS_MAX + 1) {
        mapping_reader_wrong(r, f, "%zu bounds are too many; give at most %d", n,
                             OPTION_BUCKETS_MAX);
        return;
    }
    ret->has_buckets = n > 0;
    ret->buckets.at = n > 0 ? mem_alloc(n * sizeof *ret->buckets.at) : NULL;
    for (const struct document_node *at = document_first(d, f->node); at != NULL;
         at = document_next(d, at)) {
        struct mapping_field one = element(f, document_value(d, at));
        size_t before = ret->buckets.n;
        if (!take_bound(r, &one, last, ret))
            return; /* what follows it would be compared with the wrong one */
        last = ret->buckets.n > before ? ret->buckets.at[before] : INFINITY;
    }
    if (ret->buckets.n > OPTION_BUCKETS_MAX)
        mapping_reader_wrong(r, f, "%zu bounds are too many; give at most %d", ret->buckets.n,
                             OPTION_BUCKETS_MAX);
}

static void read_native(struct mapping_reader *r, const struct mapping_field *factor,
                        const struct mapping_field *max_buckets,
                        const struct mapping_field *zero_threshold, struct mapping_blocks *ret)
{
    double v;
    if (mapping_scalar_number(r, factor, &v)) {
        if (v == 0 || (v >= 1 && isfinite(v)))
            ret->native_factor = v;
        else
            mapping_reader_wrong(r, factor,
                                 "must be above 1, such as 1.1; 1 means no native "
                                 "histogram");
    }
    mapping_scalar_count(r, max_buckets, &ret->native_max_buckets);
    if (mapping_scalar_number(r, zero_threshold, &v)) {
        if (v >= 0 && isfinite(v))
            ret->native_zero_threshold = v;
        else
            mapping_reader_wrong(r, zero_threshold, "must be 0 or more, such as 1e-9");
    }
}

static void read_histogram(struct mapping_reader *r, const struct mapping_field *f,
                           struct mapping_blocks *ret)
{
    enum { BUCKETS, FACTOR, MAX_BUCKETS, ZERO_THRESHOLD };
    static const struct mapping_key keys[] = {
        [BUCKETS] = { "buckets", NULL },
        [FACTOR] = { "native_histogram_bucket_factor", NULL },
        [MAX_BUCKETS] = { "native_histogram_max_buckets", NULL },
        [ZERO_THRESHOLD] = { "native_histogram_zero_threshold", NULL },
    };
    struct mapping_field fields[ARRAY_LEN(keys)];
    if (f->node == NULL)
        return;
    ret->has_histogram = true;
    mapping_reader_fields(r, f->node, "histogram_options.", keys, ARRAY_LEN(keys), fields);
    read_buckets(r, &fields[BUCKETS], ret);
    read_native(r, &fields[FACTOR], &fields[MAX_BUCKETS], &fields[ZERO_THRESHOLD], ret);
}

static bool between_0_and_1(struct mapping_reader *r, const struct mapping_field *f, double *ret)
{
    double v;
    if (!mapping_scalar_number(r, f, &v))
        return false;
    if (!(v >= 0 && v <= 1)) {
        mapping_reader_wrong(r, f, "is not between 0 and 1");
        return false;
    }
    *ret = v;
    return true;
}

static void read_quantile(struct mapping_reader *r, const struct document_node *node,
                          struct doubles *to)
{
    enum { QUANTILE, ERROR };
    static const struct mapping_key keys[] = {
        [QUANTILE] = { "quantile", NULL }, [ERROR] = { "error", NULL }
    };
    struct mapping_field fields[ARRAY_LEN(keys)];
    double quantile, error;
    if (node->kind != DOCUMENT_MAP) {
        mapping_reader_mistake(r, node->line,
                               "summary_options.quantiles: an element is written "
                               "{quantile: 0.9, error: 0.01}");
        return;
    }
    mapping_reader_fields(r, node, "summary_options.quantiles.", keys, ARRAY_LEN(keys), fields);
    between_0_and_1(r, &fields[ERROR], &error); /* the sketch has its own */
    if (fields[QUANTILE].node == NULL)
        mapping_reader_wrong(r, &fields[QUANTILE],
                             "is missing; such as {quantile: 0.9, error: "
                             "0.01}");
    else if (between_0_and_1(r, &fields[QUANTILE], &quantile))
        to->at[to->n++] = quantile;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* They may come in any order, and one may come twice: then its last error counts there. */
static void read_quantiles(struct mapping_reader *r, const struct mapping_field *f,
                           struct doubles *ret)
{
    const struct document *d = &r->document;
    size_t kept = 0;
    if (!given_list(r, f, "[{quantile: 0.5, error: 0.05}, {quantile: 0.9, error: 0.01}]"))
        return;
    size_t n = list_length(d, f->node);
    if (n > OPTION_QUANTILES_MAX) {
        mapping_reader_wrong(r, f, "%zu quantiles are too many; give at most %d", n,
                             OPTION_QUANTILES_MAX);
        return;
    }
    if (n == 0)
        return;
    ret->at = mem_alloc(n * sizeof *ret->at);
    for (const struct document_node *at = document_first(d, f->node); at != NULL;
         at = document_next(d, at))
        read_quantile(r, document_value(d, at), ret);
    qsort(ret->at, ret->n, sizeof *ret->at, by_value);
    for (size_t i = 0; i < ret->n; i++) {
        if (kept == 0 || ret->at[i] != ret->at[kept - 1])
            ret->at[kept++] = ret->at[i];
    }
    ret->n = kept;
    if (kept == 0) { /* each was refused */
        free(ret->at);
        ret->at = NULL;
    }
}

static void read_summary(struct mapping_reader *r, const struct mapping_field *f,
                         struct mapping_blocks *ret)
{
    enum { QUANTILES, MAX_AGE, AGE_BUCKETS, BUF_CAP };
    static const struct mapping_key keys[] = {
        [QUANTILES] = { "quantiles", NULL },
        [MAX_AGE] = { "max_age", NULL },
        [AGE_BUCKETS] = { "age_buckets", NULL },
        [BUF_CAP] = { "buf_cap", NULL },
    };
    const struct option_row *age = &options_table[OPTION_aggregate_summary_max_age],
                            *steps = &options_table[OPTION_aggregate_summary_age_buckets];
    struct mapping_field fields[ARRAY_LEN(keys)];
    uint32_t buf_cap; /* of a buffer that is not there */
    if (f->node == NULL)
        return;
    ret->has_summary = true;
    mapping_reader_fields(r, f->node, "summary_options.", keys, ARRAY_LEN(keys), fields);
    read_quantiles(r, &fields[QUANTILES], &ret->quantiles);
    mapping_scalar_count(r, &fields[BUF_CAP], &buf_cap);
    if (mapping_scalar_duration(r, &fields[MAX_AGE], &ret->max_age_ms) && ret->max_age_ms != 0 &&
        ((double)ret->max_age_ms < age->min || (double)ret->max_age_ms > age->max))
        mapping_reader_wrong(r, &fields[MAX_AGE], "is out of range; write 1s to 24h");
    if (mapping_scalar_count(r, &fields[AGE_BUCKETS], &ret->age_buckets) &&
        ret->age_buckets > steps->max)
        mapping_reader_wrong(r, &fields[AGE_BUCKETS], "is out of range; write %g to %g", steps->min,
                             steps->max);
}

void mapping_options_read(struct mapping_reader *r, const struct mapping_field *histogram,
                          const struct mapping_field *summary, struct mapping_blocks *ret)
{
    *ret = (struct mapping_blocks){ .native_zero_threshold = -1 };
    read_histogram(r, histogram, ret);
    read_summary(r, summary, ret);
}

void mapping_options_resolve(const struct mapping_options *base,
                             const struct mapping_options *config, enum mapping_observer observer,
                             const struct mapping_blocks *b, struct mapping_options *ret)
{
    struct mapping_options o = *base;
    if (observer != MAPPING_OBSERVER_UNSET)
        o.histogram = observer == MAPPING_HISTOGRAM;
    if (b->has_buckets)
        o.buckets = b->buckets;
    if (b->native_factor != 0)
        o.native_factor = b->native_factor > 1 ? b->native_factor : 0;
    if (b->native_max_buckets != 0)
        o.native_max_buckets = b->native_max_buckets;
    if (b->native_zero_threshold >= 0)
        o.native_zero_threshold = b->native_zero_threshold;
    if (b->quantiles.n > 0)
        o.quantiles = b->quantiles;
    /* Field by field only where something says summary: else the block counts as a whole. */
    if (b->has_summary && observer == MAPPING_OBSERVER_UNSET) {
        o.max_age_ms = config->max_age_ms;
        o.age_buckets = config->age_buckets;
    }
    if (b->max_age_ms != 0)
        o.max_age_ms = b->max_age_ms;
    if (b->age_buckets != 0)
        o.age_buckets = b->age_buckets;
    *ret = o;
}
