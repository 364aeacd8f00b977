/**
 *   mapping_rule_read
 *     read_match     a glob that is none is answered with the regex that does it
 *     read_name, read_words
 *     read_labels -> take_label
 *     read_options   the blocks, what contradicts them, and what they leave open
 *     check_reserved le and quantile
 */
#include "config/mapping_rule.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/escape.h"
#include "config/mapping_propose.h"
#include "config/mapping_scalar.h"
#include "config/mapping_syntax.h"

enum field {
    MATCH,
    NAME,
    MATCH_TYPE,
    MATCH_METRIC_TYPE,
    ACTION,
    LABELS,
    HONOR_LABELS,
    OBSERVER_TYPE,
    HISTOGRAM_OPTIONS,
    SUMMARY_OPTIONS,
    HELP,
    TTL,
    SCALE,
    GAUGE_MERGE,
    FIELDS /* what follows has a hint, and no field */
};

static const struct mapping_key keys[] = {
    [MATCH] = { "match", NULL },
    [NAME] = { "name", NULL },
    [MATCH_TYPE] = { "match_type", NULL },
    [MATCH_METRIC_TYPE] = { "match_metric_type", NULL },
    [ACTION] = { "action", NULL },
    [LABELS] = { "labels", NULL },
    [HONOR_LABELS] = { "honor_labels", NULL },
    [OBSERVER_TYPE] = { "observer_type", NULL },
    [HISTOGRAM_OPTIONS] = { "histogram_options", NULL },
    [SUMMARY_OPTIONS] = { "summary_options", NULL },
    [HELP] = { "help", NULL },
    [TTL] = { "ttl", NULL },
    [SCALE] = { "scale", NULL },
    [GAUGE_MERGE] = { "gauge_merge", NULL },
    { "timer_type", "no longer there; write observer_type with the same value" },
    { "buckets", "no longer there; write histogram_options: {buckets: [...]}" },
    { "quantiles", "no longer there; write summary_options: {quantiles: [...]}" },
    { "max_age", "belongs into summary_options: {max_age: ...}" },
    { "age_buckets", "belongs into summary_options: {age_buckets: ...}" },
    { "buf_cap", "belongs into summary_options: {buf_cap: ...}" },
    { "native_histogram_bucket_factor", "belongs into histogram_options" },
    { "native_histogram_max_buckets", "belongs into histogram_options" },
    { "native_histogram_zero_threshold", "belongs into histogram_options" },
    { "glob_disable_ordering", "holds for all rules; move it to defaults:" },
};

static char *copy(struct slice s)
{
    return mem_strndup(s.len > 0 ? s.ptr : "", s.len);
}

/* For messages: the rule's match as written, before anything is checked. */
static struct slice match_of(const struct document *d, const struct document_node *rule)
{
    for (const struct document_node *key = document_first(d, rule), *value; key != NULL;
         key = document_next(d, value)) {
        value = document_next(d, key);
        if (value == NULL)
            break;
        const struct document_node *k = document_value(d, key), *v = document_value(d, value);
        if (k->kind == DOCUMENT_TEXT && v->kind == DOCUMENT_TEXT &&
            slice_eq(document_text(d, k), SLICE_LIT("match")))
            return document_text(d, v);
    }
    return slice_of("", 0);
}

/* The captures that the rule's templates refer to. */
static unsigned references(struct mapping_reader *r, const struct mapping_field f[])
{
    const struct document *d = &r->document;
    const struct document_node *labels = f[LABELS].node;
    unsigned most = 0, n;
    if (f[NAME].node != NULL && f[NAME].node->kind == DOCUMENT_TEXT)
        most = mapping_syntax_references(document_text(d, f[NAME].node));
    if (labels == NULL || labels->kind != DOCUMENT_MAP)
        return most;
    for (const struct document_node *at = document_first(d, labels); at != NULL;
         at = document_next(d, at)) {
        const struct document_node *v = document_value(d, at);
        n = v->kind == DOCUMENT_TEXT ? mapping_syntax_references(document_text(d, v)) : 0;
        most = n > most ? n : most;
    }
    return most;
}

/* The rule that does what was meant by a glob that is none, in one line that can be pasted. */
static void propose_regex(struct mapping_reader *r, const struct mapping_field f[],
                          struct slice match, struct buf *out)
{
    const struct document *d = &r->document;
    struct buf regex = { 0 }, text = { 0 };
    mapping_syntax_regex(match, references(r, f), &regex);
    mapping_propose(d, f, FIELDS, buf_slice(&regex), &text);
    escape_text(buf_slice(&text), out);
    buf_release(&regex);
    buf_release(&text);
}

static void wrong_glob(struct mapping_reader *r, const struct mapping_field f[], struct slice match,
                       const char *wrong)
{
    struct buf instead = { 0 };
    propose_regex(r, f, match, &instead);
    if (match.len > ESCAPE_SHORT_MAX)
        mapping_reader_wrong(r, &f[MATCH], "%s", wrong);
    else if (mapping_syntax_looks_like_regex(match))
        mapping_reader_wrong(r, &f[MATCH], "%s; if it is a regex, add match_type: regex", wrong);
    else
        mapping_reader_wrong(r, &f[MATCH], "%s. As a regex, which is tried after all globs: %.*s",
                             wrong, (int)instead.len, instead.ptr);
    buf_release(&instead);
}

static void check_regex(struct mapping_reader *r, const struct mapping_field *f,
                        const struct mapping_defaults *d, const char *regex)
{
    struct buf why = { 0 };
    if (d->regex_wrong != NULL && d->regex_wrong(regex, &why))
        mapping_reader_mistake(r, f->line, "%.*s", (int)why.len, why.ptr);
    buf_release(&why);
}

static void read_match(struct mapping_reader *r, const struct mapping_field f[],
                       const struct mapping_defaults *d, struct mapping_file_rule *ret)
{
    int type = d->regex;
    struct slice match = { "", 0 };
    bool type_known =
        f[MATCH_TYPE].node == NULL || mapping_scalar_word(r, &f[MATCH_TYPE], "glob|regex", &type);
    bool given = mapping_scalar_text(r, &f[MATCH], &match);
    ret->regex = type == 1;
    ret->match = copy(match);
    if (type_known && ret->regex)
        check_regex(r, &f[MATCH], d, ret->match);
    if (!type_known || ret->regex || (!given && f[MATCH].node != NULL))
        return;
    if (match.len == 0) {
        mapping_reader_wrong(r, &f[MATCH],
                             "is missing; write the name of a metric, with * for a "
                             "component: match: \"app.*.hits\"");
        return;
    }
    const char *wrong = mapping_syntax_glob(match);
    if (wrong != NULL)
        wrong_glob(r, f, match, wrong);
}

static void read_name(struct mapping_reader *r, const struct mapping_field *f,
                      struct mapping_file_rule *ret)
{
    struct slice name = { "", 0 };
    bool given = mapping_scalar_text(r, f, &name);
    ret->name = copy(name);
    if (!given && f->node != NULL)
        return;
    const char *wrong = mapping_syntax_name(name);
    struct buf instead = { 0 };
    mapping_syntax_repair(name, &instead);
    if (name.len == 0)
        mapping_reader_wrong(r, f, "%s; %s", f->node != NULL ? "is empty" : "is missing",
                             ret->drop ? "also a rule that drops needs one, such as name: dropped"
                                       : "write what the metric is called on /metrics");
    else if (wrong != NULL && name.len > ESCAPE_SHORT_MAX)
        mapping_reader_wrong(r, f, "%s", wrong);
    else if (wrong != NULL)
        mapping_reader_wrong(r, f, "%s; such as name: \"%.*s\"", wrong, (int)instead.len,
                             instead.ptr);
    buf_release(&instead);
}

static void read_words(struct mapping_reader *r, const struct mapping_field f[],
                       struct mapping_file_rule *ret)
{
    int type, action = 0;
    const struct mapping_field *metric = &f[MATCH_METRIC_TYPE];
    struct slice help;
    ret->classes = MAPPING_FILE_ANY;
    mapping_scalar_word(r, &f[ACTION], "map|drop", &action);
    ret->drop = action == 1;
    if (metric->node != NULL && metric->node->kind == DOCUMENT_TEXT &&
        slice_eq(document_text(&r->document, metric->node), SLICE_LIT("timer")))
        mapping_reader_wrong(r, metric, "is no longer there; write observer");
    else if (mapping_scalar_word(r, metric, "|counter|gauge|observer", &type))
        ret->classes = 1u << type;
    mapping_scalar_bool(r, &f[HONOR_LABELS], &ret->honor_labels);
    if (mapping_scalar_text(r, &f[HELP], &help) && help.len > 0)
        ret->help = copy(help);
}

struct labels {
    struct mapping_file_rule *rule;
    size_t cap;
    bool too_many; /* told */
};

static bool has_label(const struct mapping_file_rule *rule, struct slice key)
{
    for (size_t i = 0; i < rule->n_labels; i++) {
        if (slice_eq(key, slice_str(rule->labels[i].key)))
            return true;
    }
    return false;
}

static void wrong_key(struct mapping_reader *r, unsigned line, struct slice key, const char *wrong)
{
    struct buf shown = { 0 }, instead = { 0 };
    escape_short(key, &shown);
    mapping_syntax_repair(slice_of(key.ptr, key.len < ESCAPE_SHORT_MAX ? key.len : 0), &instead);
    size_t skip = 0; /* all but one '_' at the front */
    while (skip + 1 < instead.len && instead.ptr[skip] == '_' && instead.ptr[skip + 1] == '_')
        skip++;
    if (instead.len == 0)
        buf_append_str(&instead, "site");
    mapping_reader_mistake(r, line, "labels: '%.*s' %s; such as %.*s", (int)shown.len, shown.ptr,
                           wrong, (int)(instead.len - skip), instead.ptr + skip);
    buf_release(&shown);
    buf_release(&instead);
}

static void take_label(struct mapping_reader *r, void *cookie, const struct document_node *key,
                       const struct document_node *value, bool merged)
{
    struct labels *l = cookie;
    struct mapping_file_rule *rule = l->rule;
    bool null = document_null(&r->document, value);
    struct mapping_field f = {
        .node = null ? NULL : value, .line = value->line, .block = "labels.", .name = ""
    };
    struct slice name = document_text(&r->document, key), text = { "", 0 };
    const char *wrong = mapping_syntax_label_key(name);
    if (wrong != NULL) {
        wrong_key(r, key->line, name, wrong);
    } else if (has_label(rule, name)) {
        if (!merged)
            mapping_reader_mistake(r, key->line, "labels: %.*s is given twice; keep one of them",
                                   (int)name.len, name.ptr);
    } else if (rule->n_labels == MAPPING_LABELS_MAX) {
        if (!l->too_many)
            mapping_reader_mistake(r, key->line, "labels: more than %d; use fewer",
                                   MAPPING_LABELS_MAX);
        l->too_many = true;
    } else {
        rule->labels = mem_grow(rule->labels, &l->cap, rule->n_labels + 1, sizeof *rule->labels);
        struct mapping_file_label *label = &rule->labels[rule->n_labels++];
        label->key = copy(name);
        f.name = label->key;
        mapping_scalar_text(r, &f, &text);
        label->value = copy(text);
    }
}

static void contradiction(struct mapping_reader *r, const struct mapping_field *block,
                          const struct mapping_field *type)
{
    bool histogram = block->name[0] == 's'; /* summary_options */
    mapping_reader_mistake(r, block->line,
                           "%s: the rule makes a %s (observer_type %s); remove %s, or write "
                           "observer_type: %s",
                           block->name, histogram ? "histogram" : "summary",
                           type->node != NULL ? "of the rule" : "of defaults", block->name,
                           histogram ? "summary" : "histogram");
}

static void read_options(struct mapping_reader *r, const struct mapping_field f[],
                         const struct mapping_defaults *d, struct mapping_file_rule *ret)
{
    int type = d->observer;
    uint64_t ttl_ms = 0;
    struct mapping_blocks blocks;
    ret->meant_observer = f[OBSERVER_TYPE].node != NULL || f[HISTOGRAM_OPTIONS].node != NULL ||
                          f[SUMMARY_OPTIONS].node != NULL;
    bool known = f[OBSERVER_TYPE].node == NULL ||
                 mapping_scalar_word(r, &f[OBSERVER_TYPE], "summary|histogram", &type);
    mapping_options_read(r, &f[HISTOGRAM_OPTIONS], &f[SUMMARY_OPTIONS], &blocks);
    if (known && type == MAPPING_HISTOGRAM && blocks.has_summary)
        contradiction(r, &f[SUMMARY_OPTIONS], &f[OBSERVER_TYPE]);
    if (known && type == MAPPING_SUMMARY && blocks.has_histogram)
        contradiction(r, &f[HISTOGRAM_OPTIONS], &f[OBSERVER_TYPE]);
    mapping_options_resolve(&d->options, d->config, (enum mapping_observer)type, &blocks,
                            &ret->options);
    if (mapping_scalar_duration(r, &f[TTL], &ttl_ms) && ttl_ms != 0)
        ret->options.ttl_ms = ttl_ms;
    if (mapping_scalar_number(r, &f[SCALE], &ret->options.scale) && !isfinite(ret->options.scale))
        mapping_reader_wrong(r, &f[SCALE], "is not finite; write a number such as 0.001");
    int merge = (int)ret->options.gauge_merge;
    mapping_scalar_word(r, &f[GAUGE_MERGE], GAUGE_RULE_WORDS, &merge);
    ret->options.gauge_merge = (enum gauge_rule)merge;
}

/* A label that the exposition of a histogram or summary makes itself. */
static void check_reserved(struct mapping_reader *r, const struct mapping_field f[],
                           const struct mapping_file_rule *rule)
{
    const char *reserved = rule->options.histogram ? "le" : "quantile";
    if (!rule->drop && (rule->classes & MAPPING_FILE_OBSERVER) != 0 &&
        has_label(rule, slice_str(reserved)))
        mapping_reader_mistake(r, f[LABELS].line,
                               "labels: %s is made by a %s itself; call it something else, or add "
                               "match_metric_type: counter or gauge",
                               reserved, rule->options.histogram ? "histogram" : "summary");
}

void mapping_rule_read(struct mapping_reader *r, const struct document_node *node, size_t number,
                       const struct mapping_defaults *d, struct mapping_file_rule *ret)
{
    struct mapping_field f[ARRAY_LEN(keys)];
    *ret = (struct mapping_file_rule){ .line = node->line, .options = d->options };
    r->rule = number;
    r->match = slice_of("", 0);
    if (document_null(&r->document, node)) {
        mapping_reader_mistake(r, node->line,
                               "there is nothing behind the -; write match and name");
        return;
    }
    if (node->kind == DOCUMENT_MAP)
        r->match = match_of(&r->document, node);
    size_t before = r->n_mistakes;
    mapping_reader_fields(r, node, "", keys, ARRAY_LEN(keys), f);
    if (node->kind != DOCUMENT_MAP)
        return;
    read_words(r, f, ret);
    read_match(r, f, d, ret);
    read_name(r, &f[NAME], ret);
    struct labels labels = { .rule = ret };
    if (f[LABELS].node != NULL)
        mapping_reader_pairs(r, f[LABELS].node, "labels.", take_label, &labels);
    read_options(r, f, d, ret);
    if (r->n_mistakes == before)
        check_reserved(r, f, ret);
}

void mapping_rule_release(struct mapping_file_rule *rule, const struct mapping_options *defaults)
{
    free(rule->match);
    free(rule->name);
    free(rule->help);
    for (size_t i = 0; i < rule->n_labels; i++) {
        free(rule->labels[i].key);
        free(rule->labels[i].value);
    }
    free(rule->labels);
    if (rule->options.buckets.at != defaults->buckets.at)
        free(rule->options.buckets.at);
    if (rule->options.quantiles.at != defaults->quantiles.at)
        free(rule->options.quantiles.at);
    *rule = (struct mapping_file_rule){ 0 };
}
