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

void sink_list_close(struct sink_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        l->at[i]->close(l->at[i]);
    l->n = 0;
}
