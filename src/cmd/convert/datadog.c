/**
 * Datadog's agent: the keys of datadog.yaml that are dogstatsd's, its tags and its log.
 *
 *   convert_datadog
 *     put_sockets       bind_host, dogstatsd_port, dogstatsd_non_local_traffic, sockets
 *     put_tags          tags, extra_tags, dogstatsd_tags
 *     put_quantiles     histogram_aggregates, histogram_percentiles
 *     put_log, put_forward
 *     convert_mapper    what makes a mapping file (mapper.c)
 *     take_key          every other key: by its row of rivals.h, or it is not dogstatsd's
 *
 * Of keys that are not dogstatsd's no value is shown: they may hold keys and passwords.
 */
#include "cmd/convert/convert.h"

#include <stdio.h>
#include <strings.h>

#include "base/number.h"

static const struct place unasked = { "what Datadog's agent does unasked", 0, NULL };

static void put_sockets(struct convert *c, const struct tree *root)
{
    const struct tree *port = tree_get(root, "dogstatsd_port");
    const struct tree *bind = tree_get(root, "bind_host");
    const struct tree *everywhere = tree_get(root, "dogstatsd_non_local_traffic");
    const char *number = convert_text(c, port), *host = convert_text(c, bind);
    struct place at = port != NULL   ? convert_place(port)
                      : bind != NULL ? convert_place(bind)
                                     : unasked;
    number = number != NULL ? number : "8125";
    host = host != NULL && strcmp(host, "localhost") != 0 ? host : "127.0.0.1";
    if (tree_is_true(everywhere)) {
        host = "0.0.0.0";
        at = convert_place(everywhere);
    }
    if (strcmp(number, "0") == 0)
        convert_note(c, at,
                     "no UDP; without a socket of another kind statsd listens on its default");
    else
        convert_udp(c, at, host, number);
    convert_set(c, unasked, OPTION_protocol_gauge_sign, SLICE_LIT("absolute"));
}

/* A tag is "key:value"; commas separate tags in a list of them. */
static void add_tags(struct convert *c, const struct tree *t, struct place at, struct buf *out)
{
    const char *text = convert_text(c, t);
    if (text == NULL || text[0] == '\0')
        return;
    if (strchr(text, ',') != NULL) {
        convert_mistake(c, at, "the tag '%s' has a comma; write two tags", text);
        return;
    }
    if (out->len > 0)
        buf_append_char(out, ',');
    buf_append_str(out, text);
}

static void put_tags(struct convert *c, const struct tree *root)
{
    static const char *const keys[] = { "tags", "extra_tags", "dogstatsd_tags" };
    struct buf tags = { 0 };
    struct place at = { NULL, 0, NULL };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct tree *list = tree_get(root, keys[i]);
        if (list == NULL)
            continue;
        at = convert_place(list);
        if (list->kind == TREE_TEXT)
            add_tags(c, list, at, &tags);
        for (const struct tree *t = list->first; t != NULL; t = t->next)
            add_tags(c, t, at, &tags);
    }
    buf_append_char(&tags, '\0');
    if (tags.len > 1)
        convert_rival(c, at, rival_find_of(RIVAL_DATADOG, SLICE_LIT("tags")), tags.ptr);
    buf_release(&tags);
}

static void add_aggregate(struct convert *c, const char *name, struct place at, struct quantiles *q)
{
    if (strcmp(name, "max") == 0)
        quantiles_add(q, 1);
    else if (strcmp(name, "min") == 0)
        quantiles_add(q, 0);
    else if (strcmp(name, "median") == 0)
        quantiles_add(q, 0.5);
    else if (strcmp(name, "avg") != 0 && strcmp(name, "sum") != 0 && strcmp(name, "count") != 0)
        convert_mistake(c, at, "'%s' is none of max, min, median, avg, sum, count", name);
}

static void add_percentile(struct convert *c, const char *text, struct place at,
                           struct quantiles *q)
{
    double v;
    if (!number_parse(slice_str(text), &v) || v < 0 || v > 1)
        convert_mistake(c, at, "'%s' is not a share from 0 to 1, such as 0.95", text);
    else if (!quantiles_add(q, v))
        convert_mistake(c, at, "more than %d percentiles", CONVERT_QUANTILES_MAX);
}

static void add_list(struct convert *c, const struct tree *list,
                     void add(struct convert *, const char *, struct place, struct quantiles *),
                     struct quantiles *q)
{
    struct place at = convert_place(list);
    if (list->kind != TREE_LIST)
        convert_mistake(c, at, "a list is expected here");
    for (const struct tree *t = list->first; t != NULL; t = t->next) {
        const char *text = convert_text(c, t);
        if (text != NULL)
            add(c, text, at, q);
    }
}

static void put_quantiles(struct convert *c, const struct tree *root)
{
    const struct tree *aggregates = tree_get(root, "histogram_aggregates");
    const struct tree *percentiles = tree_get(root, "histogram_percentiles");
    struct quantiles q = { .n = 0 };
    struct place at = percentiles != NULL  ? convert_place(percentiles)
                      : aggregates != NULL ? convert_place(aggregates)
                                           : unasked;
    if (aggregates != NULL) {
        add_list(c, aggregates, add_aggregate, &q);
    } else {
        quantiles_add(&q, 0.5);
        quantiles_add(&q, 1);
    }
    if (percentiles != NULL)
        add_list(c, percentiles, add_percentile, &q);
    else
        quantiles_add(&q, 0.95);
    quantiles_set(c, at, &q);
    convert_remark(c, OPTION_aggregate_quantiles,
                   "min is quantile 0, median 0.5, max 1; avg is _sum divided by _count");
}

static void put_log(struct convert *c, const struct tree *root)
{
    static const char *const levels[][2] = { { "trace", "debug" },    { "debug", "debug" },
                                             { "info", "info" },      { "warn", "warn" },
                                             { "warning", "warn" },   { "error", "error" },
                                             { "critical", "error" }, { "off", "error" } };
    const struct tree *level = tree_get(root, "log_level"),
                      *json = tree_get(root, "log_format_json");
    const char *text = convert_text(c, level);
    const char *ours = NULL;
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(levels); i++) {
        if (strcasecmp(text, levels[i][0]) == 0)
            ours = levels[i][1];
    }
    if (text != NULL)
        convert_set(c, convert_place(level), OPTION_server_log_level,
                    slice_str(ours != NULL ? ours : text));
    if (tree_is_true(json))
        convert_set(c, convert_place(json), OPTION_server_log_format, SLICE_LIT("json"));
}

static void put_forward(struct convert *c, const struct tree *root)
{
    const struct tree *host = tree_get(root, "statsd_forward_host");
    const char *name = convert_text(c, host);
    const char *port = convert_text(c, tree_get(root, "statsd_forward_port"));
    struct buf address = { 0 };
    if (name == NULL || name[0] == '\0')
        return;
    convert_address(name, port != NULL ? port : "8125", &address);
    buf_append_char(&address, '\0');
    convert_rival(c, convert_place(host),
                  rival_find_of(RIVAL_DATADOG, SLICE_LIT("statsd_forward_host")), address.ptr);
    buf_release(&address);
}

/* Read together with others, above or in mapper.c. */
static bool is_put_together(const char *key)
{
    static const char *const keys[] = { "dogstatsd_port",
                                        "bind_host",
                                        "dogstatsd_non_local_traffic",
                                        "tags",
                                        "extra_tags",
                                        "dogstatsd_tags",
                                        "histogram_aggregates",
                                        "histogram_percentiles",
                                        "log_level",
                                        "log_format_json",
                                        "statsd_forward_host",
                                        "statsd_forward_port",
                                        "dogstatsd_mapper_profiles",
                                        "statsd_metric_namespace",
                                        "statsd_metric_namespace_blocklist",
                                        "statsd_metric_namespace_blacklist",
                                        "statsd_metric_blocklist",
                                        "statsd_metric_blocklist_match_prefix",
                                        "metric_filterlist",
                                        "metric_filterlist_match_prefix",
                                        "use_dogstatsd" };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

static bool is_dogstatsd(const char *key)
{
    return strncmp(key, "dogstatsd_", 10) == 0 || strncmp(key, "statsd_", 7) == 0 ||
           strncmp(key, "histogram_", 10) == 0;
}

static void take_keys(struct convert *c, const struct tree *root)
{
    const struct tree *other = NULL; /* the first key that is not dogstatsd's */
    size_t others = 0;
    char text[160];
    for (const struct tree *t = root->first; t != NULL; t = t->next) {
        if (is_put_together(t->key))
            continue;
        if (is_dogstatsd(t->key)) {
            convert_key(c, RIVAL_DATADOG, t);
            continue;
        }
        other = other != NULL ? other : t;
        others++;
    }
    snprintf(text, sizeof text,
             "this and %zu more keys are not dogstatsd's; Prometheus fetches, so no key, site or "
             "proxy is needed",
             others - 1);
    if (others > 0)
        convert_note(c, convert_place(other), text);
}

void convert_datadog(struct convert *c, const struct tree *root)
{
    const struct tree *use = tree_get(root, "use_dogstatsd");
    if (tree_is_false(use))
        convert_note(c, convert_place(use), "dogstatsd was off; this is what it would have done");
    put_sockets(c, root);
    put_tags(c, root);
    put_quantiles(c, root);
    put_log(c, root);
    put_forward(c, root);
    convert_mapper(c, root);
    take_keys(c, root);
}
