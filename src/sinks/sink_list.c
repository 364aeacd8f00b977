#include "sinks/sink_list.h"

#include <assert.h>

void sink_list_add(struct sink_list *l, struct sink *s)
{
    sink_check(s);
    assert(l->n < SINK_LIST_MAX);
    l->at[l->n++] = s;
}

void sink_list_begin(const struct sink_list *l, const struct snapshot *snap, bool final)
{
    for (size_t i = 0; i < l->n; i++)
        l->at[i]->begin(l->at[i], snap, final);
}

void sink_list_put(const struct sink_list *l, const struct closed_series *c)
{
    for (size_t i = 0; i < l->n; i++)
        l->at[i]->put(l->at[i], c);
}

void sink_list_end(const struct sink_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        l->at[i]->end(l->at[i]);
}

void sink_list_entry(const struct sink_list *l, const struct event_entry *e)
{
    for (size_t i = 0; i < l->n; i++)
        l->at[i]->entry(l->at[i], e);
}

bool sink_list_idle(const struct sink_list *l)
{
    bool idle = true;
    for (size_t i = 0; i < l->n; i++)
        idle &= l->at[i]->idle(l->at[i]);
    return idle;
}

const void *sink_list_counted(const struct sink_list *l, const struct counter_table *table)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i]->counters == table)
            return l->at[i]->counted(l->at[i]);
    return NULL;
}

void sink_list_save(const struct sink_list *l, struct records_writer *to)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i]->save != NULL)
            l->at[i]->save(l->at[i], to);
}

void sink_list_saved(const struct sink_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i]->saved != NULL)
            l->at[i]->saved(l->at[i]);
}

int sink_list_load(const struct sink_list *l, uint8_t type, struct slice body, uint64_t age_ms)
{
    int rc = 0;
    for (size_t i = 0; i < l->n && rc == 0; i++)
        if (l->at[i]->load != NULL)
            rc = l->at[i]->load(l->at[i], type, body, age_ms);
    return rc;
}

void sink_list_loaded(const struct sink_list *l, bool good)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i]->loaded != NULL)
            l->at[i]->loaded(l->at[i], good);
}

void sink_list_close(struct sink_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        l->at[i]->close(l->at[i]);
    l->n = 0;
}
