#include "aggregate/top.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "aggregate/heavy.h"
#include "base/mem.h"

static const double TICK_LEAST_S = 0.5; /* decaying two thousand entries takes its time */

struct top {
    struct heavy of[2];       /* by enum top_by */
    double looked, datagrams; /* datagrams that were looked at, and that there were */
    double window_s;          /* what a rate is divided by */
    int64_t ticked_ms;
};

struct top *top_new(int64_t now_ms)
{
    struct top *t = mem_zalloc(sizeof *t);
    heavy_init(&t->of[TOP_NAMES], TOP_ENTRIES);
    heavy_init(&t->of[TOP_SENDERS], TOP_ENTRIES);
    t->ticked_ms = now_ms;
    return t;
}

void top_free(struct top *t)
{
    if (t == NULL)
        return;
    heavy_release(&t->of[TOP_NAMES]);
    heavy_release(&t->of[TOP_SENDERS]);
    free(t);
}

void top_datagram(struct top *t, struct slice sender, double weight, int64_t now_ms)
{
    t->looked += 1;
    t->datagrams += weight;
    if (sender.ptr != NULL)
        heavy_note(&t->of[TOP_SENDERS], sender, 0, now_ms)->datagrams += weight;
}

void top_note(struct top *t, struct slice name, struct slice sender, double samples, int64_t now_ms)
{
    heavy_note(&t->of[TOP_NAMES], name, samples, now_ms);
    if (sender.ptr != NULL)
        heavy_note(&t->of[TOP_SENDERS], sender, samples, now_ms);
}

void top_sender(struct top *t, struct slice sender, double samples, double rejected, int64_t now_ms)
{
    if (sender.ptr != NULL)
        heavy_note(&t->of[TOP_SENDERS], sender, samples, now_ms)->rejected += rejected;
}

void top_rejected(struct top *t, struct slice sender, double weight, int64_t now_ms)
{
    top_sender(t, sender, 0, weight, now_ms);
}

/*
 * A steady rate adds up to rate * W * (1 - exp(-t / W)) in the t seconds since the begin, where W
 * is the window: that without the rate is window_s, and decays as the sums do.
 */
void top_tick(struct top *t, int64_t now_ms)
{
    double passed_s = (double)(now_ms - t->ticked_ms) / 1000;
    if (passed_s <= 0) { /* the wall clock was set back */
        t->ticked_ms = now_ms;
        return;
    }
    if (passed_s < TICK_LEAST_S)
        return;
    double factor = exp(-fmin(passed_s, 10 * TOP_WINDOW_S) / TOP_WINDOW_S);
    t->ticked_ms = now_ms;
    heavy_decay(&t->of[TOP_NAMES], factor);
    heavy_decay(&t->of[TOP_SENDERS], factor);
    t->looked *= factor;
    t->datagrams *= factor;
    t->window_s = t->window_s * factor + TOP_WINDOW_S * (1 - factor);
    assert(t->window_s <= TOP_WINDOW_S * 1.001);
}

static struct top_entry entry_of(const struct top *t, const struct heavy_entry *e)
{
    double s = fmax(t->window_s, 1); /* nothing is known of a rate before a second is over */
    return (struct top_entry){ .key = slice_of(e->key, e->key_len),
                               .samples = e->count / s,
                               .error = e->error / s,
                               .datagrams = e->datagrams / s,
                               .rejected = e->rejected / s,
                               .first_ms = e->first_ms,
                               .last_ms = e->last_ms };
}

size_t top_largest(const struct top *t, enum top_by by, size_t most, struct top_entry *ret)
{
    const struct heavy_entry *at[TOP_ENTRIES];
    assert(most <= TOP_ENTRIES);
    size_t n = heavy_largest(&t->of[by], most, at);
    for (size_t i = 0; i < n; i++)
        ret[i] = entry_of(t, at[i]);
    return n;
}

bool top_find(const struct top *t, struct slice name, struct top_entry *ret)
{
    const struct heavy_entry *e = heavy_find(&t->of[TOP_NAMES], name);
    if (e != NULL)
        *ret = entry_of(t, e);
    return e != NULL;
}

double top_share(const struct top *t)
{
    return t->datagrams > 0 ? fmin(t->looked / t->datagrams, 1) : 1;
}
