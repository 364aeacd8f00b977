/**
 * etsy's statsd: the keys of its config.js.
 *
 *   convert_etsy
 *     take_servers      servers: each with its address and port; or server, address, port
 *     take_repeater     where it sends what it received
 *     take_histogram    bins of timers become rules of a mapping file
 *     convert_key       every other key, by its row of rivals.h
 */
#include "cmd/convert/convert.h"

#include <stdlib.h>

#include "base/number.h"

static const struct place unasked = { "what etsy's statsd does unasked", 0, NULL };

/* server: "./servers/udp", address, port: of the config itself or of one of its servers */
static void take_server(struct convert *c, const struct tree *s, const struct tree *config)
{
    const struct tree *path = tree_get(s, "socket"), *port = tree_get(s, "port");
    const char *kind = convert_text(c, tree_get(s, "server"));
    const char *host = convert_text(c, tree_get(s, "address"));
    const char *number = convert_text(c, port);
    bool v6 = tree_is_true(tree_get(config, "address_ipv6"));
    struct place at = port != NULL ? convert_place(port) : unasked;
    host = host != NULL ? host : v6 ? "::" : "0.0.0.0";
    number = number != NULL ? number : "8125";
    if (kind == NULL || strstr(kind, "udp") != NULL) {
        convert_udp(c, at, host, number);
    } else if (convert_text(c, path) != NULL) {
        convert_rival(c, convert_place(path), rival_find_of(RIVAL_ETSY, SLICE_LIT("socket")),
                      path->text);
    } else {
        struct buf address = { 0 };
        convert_address(host, number, &address);
        buf_append_char(&address, '\0');
        convert_rival(c, at, rival_find_of(RIVAL_ANY, SLICE_LIT("tcp")), address.ptr);
        buf_release(&address);
    }
}

static void take_servers(struct convert *c, const struct tree *root)
{
    const struct tree *servers = tree_get(root, "servers");
    if (servers == NULL) {
        take_server(c, root, root);
        return;
    }
    if (servers->kind == TREE_CODE)
        convert_text(c, servers);
    for (const struct tree *s = servers->first; s != NULL; s = s->next)
        take_server(c, s, root);
}

static void take_management(struct convert *c, const struct tree *root)
{
    const struct tree *port = tree_get(root, "mgmt_port"), *host = tree_get(root, "mgmt_address");
    const char *number = convert_text(c, port), *name = convert_text(c, host);
    struct buf address = { 0 };
    if (number == NULL && name == NULL)
        return;
    convert_address(name != NULL ? name : "0.0.0.0", number != NULL ? number : "8126", &address);
    convert_set(c, convert_place(port != NULL ? port : host), OPTION_http_listen,
                buf_slice(&address));
    convert_remark(c, OPTION_http_listen, "HTTP, where the management interface was plain text");
    buf_release(&address);
}

static void take_repeater(struct convert *c, const struct tree *repeater)
{
    const struct rival *r = rival_find_of(RIVAL_ANY, SLICE_LIT("repeater"));
    if (repeater->kind == TREE_CODE)
        convert_text(c, repeater);
    for (const struct tree *t = repeater->first; t != NULL; t = t->next) {
        const char *host = convert_text(c, tree_get(t, "host"));
        const char *port = convert_text(c, tree_get(t, "port"));
        struct buf address = { 0 };
        convert_address(host != NULL ? host : "127.0.0.1", port != NULL ? port : "8125", &address);
        buf_append_char(&address, '\0');
        convert_rival(c, (struct place){ repeater->key, t->line, NULL }, r, address.ptr);
        buf_release(&address);
    }
}

/* One percentage; a negative one is of the lowest values, which has no counterpart. */
static void add_percent(struct convert *c, const struct tree *t, struct place at,
                        struct quantiles *q)
{
    const char *text = convert_text(c, t);
    struct buf share = { 0 };
    double v;
    if (text == NULL)
        return;
    rival_value(rival_find_of(RIVAL_ETSY, SLICE_LIT("percentThreshold")), text, &share);
    if (text[0] == '-')
        convert_note(c, at, "a negative percentile, of the values above it, has no counterpart");
    else if (!number_parse(buf_slice(&share), &v) || v < 0 || v > 1)
        convert_mistake(c, at, "'%s' is not a percentage from 0 to 100", text);
    else if (!quantiles_add(q, v))
        convert_mistake(c, at, "more than %d percentiles", CONVERT_QUANTILES_MAX);
    buf_release(&share);
}

static void take_percents(struct convert *c, const struct tree *percents)
{
    struct quantiles q = { .n = 0 };
    struct place at = convert_place(percents);
    if (percents->kind != TREE_LIST)
        add_percent(c, percents, at, &q);
    for (const struct tree *t = percents->first; t != NULL; t = t->next)
        add_percent(c, t, at, &q);
    quantiles_set(c, at, &q);
}

/* Bins are milliseconds here and seconds in a mapping; 'inf' is always there. */
static size_t put_bins(struct convert *c, const struct tree *bins, struct buf *out)
{
    size_t n = 0;
    double last = -1;
    for (const struct tree *b = bins != NULL ? bins->first : NULL; b != NULL; b = b->next) {
        const char *text = convert_text(c, b);
        double v;
        if (text == NULL || strcmp(text, "inf") == 0)
            continue;
        if (!number_parse(slice_str(text), &v) || v <= last) {
            convert_mistake(c, (struct place){ "bins", b->line, NULL },
                            "'%s' is no number above the one before it", text);
            continue;
        }
        buf_append_str(out, n++ > 0 ? ", " : "");
        buf_reserve(out, NUMBER_TEXT_MAX);
        out->len += number_print(out->ptr + out->len, v / 1000);
        last = v;
    }
    return n;
}

/* The metric is a part of the name, not a pattern. */
static void put_match(const char *metric, struct buf *out)
{
    struct buf regex = { 0 };
    buf_append_str(&regex, metric[0] != '\0' ? "^(.*" : "^(");
    for (const char *p = metric; *p != '\0'; p++) {
        if (strchr(".^$*+?()[]{}|\\", *p) != NULL)
            buf_append_char(&regex, '\\');
        buf_append_char(&regex, *p);
    }
    buf_append_str(&regex, ".*)$");
    convert_quoted(buf_slice(&regex), out);
    buf_release(&regex);
}

static void take_histogram(struct convert *c, const struct tree *histogram)
{
    if (histogram->kind == TREE_CODE)
        convert_text(c, histogram);
    for (const struct tree *h = histogram->first; h != NULL; h = h->next) {
        const char *metric = convert_text(c, tree_get(h, "metric"));
        struct buf bins = { 0 };
        size_t n = put_bins(c, tree_get(h, "bins"), &bins);
        struct buf *out = &c->rules;
        buf_append_str(out, "- match: ");
        put_match(metric != NULL ? metric : "", out);
        buf_append_str(out, "\n  match_type: regex\n  match_metric_type: observer\n"
                            "  name: \"${1}\"\n");
        buf_printf(out, "  observer_type: %s\n", n > 0 ? "histogram" : "summary");
        if (n > 0)
            buf_printf(out, "  histogram_options:\n    buckets: [%.*s]\n", (int)bins.len, bins.ptr);
        buf_release(&bins);
    }
}

static bool is_put_together(const char *key)
{
    static const char *const keys[] = { "server", "servers",      "address",   "address_ipv6",
                                        "port",   "mgmt_address", "mgmt_port", "repeater",
                                        "socket", "histogram",    "socket_mod" };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

void convert_etsy(struct convert *c, const struct tree *root)
{
    const struct tree *repeater = tree_get(root, "repeater");
    const struct tree *histogram = tree_get(root, "histogram");
    convert_set(c, unasked, OPTION_protocol_gauge_sign, SLICE_LIT("delta"));
    convert_set(c, unasked, OPTION_aggregate_quantiles, SLICE_LIT("0.9"));
    take_servers(c, root);
    take_management(c, root);
    if (repeater != NULL)
        take_repeater(c, repeater);
    if (histogram != NULL)
        take_histogram(c, histogram);
    for (const struct tree *t = root->first; t != NULL; t = t->next) {
        if (t->kind == TREE_CODE && t->key[0] == '\0')
            convert_note(c, (struct place){ "code", t->line, NULL },
                         "a method, a spread or a computed key is not run here");
        else if (strcmp(t->key, "percentThreshold") == 0)
            take_percents(c, t);
        else if (!is_put_together(t->key))
            convert_key(c, RIVAL_ETSY, t);
    }
}
