#include "cmd/live/model.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/mem.h"

static const char *const names[BY_COUNT] = { "samples", "series", "tags", "sender" };

const char *model_by_name(enum model_by by)
{
    return names[by];
}

static json_t *load(struct slice json)
{
    json_t *j = json_loadb(json.ptr, json.len, JSON_ALLOW_NUL, NULL);
    if (json_is_object(j))
        return j;
    json_decref(j);
    return NULL;
}

#define MOST 1e18 /* of what is counted; a server may say anything */

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static uint64_t count(const json_t *object, const char *key)
{
    double v = number(object, key);
    return v > 0 ? (uint64_t)(v < MOST ? v : MOST) : 0;
}

static void word(const json_t *object, const char *key, char *ret)
{
    const char *s = json_string_value(json_object_get(object, key));
    snprintf(ret, MODEL_WORD_MAX, "%s", s != NULL ? s : "");
}

bool model_status(struct model *m, struct slice json)
{
    json_t *j = load(json);
    if (j == NULL)
        return false;
    const json_t *redis = json_object_get(j, "redis");
    word(j, "version", m->version);
    word(redis, "state", m->redis);
    m->redis_lag_s = number(redis, "lag_s");
    m->uptime_s = number(j, "uptime_s");
    m->series = count(j, "series");
    m->max_series = count(json_object_get(j, "limits"), "max_series");
    json_decref(j);
    return true;
}

/* A server that began anew counts from 0. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
    return now >= before && seconds > 0 ? (double)(now - before) / seconds : 0;
}

bool model_conservation(struct model *m, struct slice json)
{
    static const char *const keys[LINES_COUNT] = { "received", "aggregated", "events", "checks",
                                                   "rejected", "refused",    "dropped" };
    json_t *j = load(json);
    if (j == NULL)
        return false;
    const json_t *lines = json_object_get(j, "lines");
    double at_s = number(j, "at_s"), seconds = at_s - m->at_s;
    m->has_rates = m->at_s > 0;
    for (size_t i = 0; i < LINES_COUNT; i++) {
        uint64_t n = count(lines, keys[i]);
        m->rates[i] = rate(n, m->lines[i], seconds);
        m->lines[i] = n;
    }
    uint64_t dropped = count(j, "kernel_dropped");
    m->kernel_rate = rate(dropped, m->kernel_dropped, seconds);
    m->kernel_dropped = dropped;
    m->at_s = at_s;
    json_decref(j);
    return true;
}

static void rows_free(struct model *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->rows[i].key);
        free(m->rows[i].example);
    }
    free(m->rows);
    m->rows = NULL;
    m->n = 0;
}

static char *text_of(const json_t *object, const char *key)
{
    const json_t *s = json_object_get(object, key);
    return json_is_string(s) ? mem_strndup(json_string_value(s), json_string_length(s)) : NULL;
}

static void take_row(struct model *m, const json_t *item)
{
    static const struct {
        const char *key, *value;
    } members[BY_COUNT] = {
        [BY_SAMPLES] = { "name", "samples_per_second" },
        [BY_SERIES] = { "name", "series" },
        [BY_TAGS] = { "tag", "values" },
        [BY_SENDER] = { "sender", "samples_per_second" },
    };
    struct model_row row = { .key = text_of(item, members[m->by].key),
                             .value = number(item, members[m->by].value),
                             .error = number(item, "error"),
                             .datagrams = number(item, "datagrams_per_second") };
    if (row.key == NULL)
        return;
    if (m->by == BY_TAGS)
        row.example = text_of(item, "name");
    m->rows[m->n++] = row;
}

bool model_top(struct model *m, struct slice json, enum model_by by)
{
    json_t *j = load(json);
    const json_t *top = json_object_get(j, "top");
    size_t n = json_array_size(top);
    if (!json_is_array(top)) {
        json_decref(j);
        return false;
    }
    rows_free(m);
    m->by = by;
    m->share = number(j, "share");
    n = n < MODEL_ROWS_MAX ? n : MODEL_ROWS_MAX;
    m->rows = mem_zalloc((n + 1) * sizeof m->rows[0]);
    for (size_t i = 0; i < n; i++)
        take_row(m, json_array_get(top, i));
    json_decref(j);
    return true;
}

void model_release(struct model *m)
{
    rows_free(m);
}
