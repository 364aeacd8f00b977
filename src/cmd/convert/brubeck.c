#include "cmd/convert/convert.h"

#include <stdio.h>

static void take_backends(struct convert *c, const struct tree *backends)
{
    for (const struct tree *b = backends->first; b != NULL; b = b->next) {
        const struct tree *frequency = tree_get(b, "frequency");
        const char *seconds = convert_text(c, frequency);
        struct buf value = { 0 };
        if (seconds != NULL) {
            buf_printf(&value, "%ss", seconds);
            convert_set(c, convert_place(frequency), OPTION_server_interval, buf_slice(&value));
        }
        buf_release(&value);
    }
    convert_note(c, convert_place(backends),
                 "values go to /metrics, for Prometheus to fetch, and to Redis (redis.url); there "
                 "is no Carbon");
}

static void take_sampler(struct convert *c, const struct tree *s)
{
    const char *type = convert_text(c, tree_get(s, "type"));
    const char *host = convert_text(c, tree_get(s, "address"));
    const struct tree *port = tree_get(s, "port"), *workers = tree_get(s, "workers");
    const char *number = convert_text(c, port);
    if (type != NULL && strcmp(type, "statsd-secure") == 0) {
        convert_note(c, (struct place){ "samplers: statsd-secure", s->line, NULL },
                     "signed datagrams are not understood; its senders have to send plain StatsD, "
                     "over a network that is trusted");
        return;
    }
    if (type == NULL || strcmp(type, "statsd") != 0) {
        convert_mistake(c, (struct place){ "samplers", s->line, NULL },
                        "the type is none of statsd, statsd-secure");
        return;
    }
    if (number == NULL) {
        convert_mistake(c, (struct place){ "samplers", s->line, NULL }, "the port is missing");
        return;
    }
    convert_udp(c, convert_place(port), host != NULL ? host : "0.0.0.0", number);
    if (convert_text(c, workers) != NULL)
        convert_set(c, convert_place(workers), OPTION_server_workers, slice_str(workers->text));
}

static void take_samplers(struct convert *c, const struct tree *samplers)
{
    for (const struct tree *s = samplers->first; s != NULL; s = s->next)
        take_sampler(c, s);
}

static void take_http(struct convert *c, const struct tree *http)
{
    const char *text = convert_text(c, http);
    const struct rival *r = rival_find_of(RIVAL_ANY, SLICE_LIT("http"));
    if (text != NULL)
        convert_rival(c, convert_place(http), r, text);
}

static void take_name(struct convert *c, const struct tree *name)
{
    const char *text = convert_text(c, name);
    if (text != NULL)
        convert_set(c, convert_place(name), OPTION_server_instance, slice_str(text));
}

static void take_rest(struct convert *c, const struct tree *t)
{
    static const struct {
        const char *key, *why;
    } rows[] = {
        { "sharding", "several servers meet in one Redis, each with its own server.instance" },
        { "dumpfile", "there is no dump; /metrics has every series" },
        { "capacity", "tables grow by themselves, up to limits.max_series" },
        { "expire", "aggregate.ttl says when a silent series is forgotten" },
    };
    const char *why = "not known, so nothing is done for it";
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strcmp(t->key, rows[i].key) == 0)
            why = rows[i].why;
    }
    convert_note(c, convert_place(t), why);
}

void convert_brubeck(struct convert *c, const struct tree *root)
{
    static const struct place unasked = { "what brubeck does unasked", 0, NULL };
    static const struct {
        const char *key;
        void (*take)(struct convert *c, const struct tree *t);
    } keys[] = {
        { "backends", take_backends },
        { "samplers", take_samplers },
        { "http", take_http },
        { "server_name", take_name },
    };
    convert_set(c, unasked, OPTION_protocol_gauge_sign, SLICE_LIT("delta"));
    convert_set(c, unasked, OPTION_aggregate_quantiles,
                SLICE_LIT("0,0.5,0.75,0.95,0.98,0.99,0.999,1"));
    for (const struct tree *t = root->first; t != NULL; t = t->next) {
        void (*take)(struct convert * c, const struct tree *t) = take_rest;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            if (strcmp(t->key, keys[i].key) == 0)
                take = keys[i].take;
        }
        take(c, t);
    }
}
