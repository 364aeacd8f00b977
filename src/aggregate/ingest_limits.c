/*
 * Limits on shares, as a worker asks for them.
 *
 *   ingest_claim        at first sight: name and origin of the sample, and whether they may have
 *                       one more series
 *   ingest_drop_rate    a sample beyond the rate of its name (rates.h says which are)
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "aggregate/ingest_priv.h"
#include "aggregate/rates.h"
#include "base/networks.h"
#include "base/slab.h"

int ingest_limits_init(struct ingest *in)
{
    const struct limit_more *more = in->opts.limit->more;
    if (more == NULL)
        return 0;
    for (unsigned i = 0; i < ARRAY_LEN(in->pages); i++) {
        in->pages[i].limited = calloc(1, sizeof *in->pages[i].limited);
        if (in->pages[i].limited == NULL)
            return -ENOMEM;
    }
    if (more->opts.samples_per_name == 0)
        return 0;
    static_assert(sizeof in->rates->at == LIMIT_RATES_BYTES, "what is said to take");
    in->rates = slab_map(sizeof *in->rates);
    if (in->rates == NULL)
        return -ENOMEM;
    in->rates->most = more->opts.samples_per_name;
    return 0;
}

void ingest_limits_release(struct ingest *in)
{
    for (unsigned i = 0; i < ARRAY_LEN(in->pages); i++)
        free(in->pages[i].limited);
    slab_unmap(in->rates, sizeof *in->rates);
}

/* ---- series ---- */

enum { ORIGIN_TEXT = LIMITED_WHO_MAX + 2 };

/* A container, by the id that the sample brings, else the network that its sender is in. */
struct origin {
    char text[ORIGIN_TEXT]; /* for people; of a longer one the beginning */
    size_t len;
    uint64_t hash; /* 0: it has none */
};

static uint64_t origin_hash(struct slice text, uint64_t kind)
{
    const uint64_t hash = hash64_bytes(text.ptr, text.len) ^ kind;
    return hash + (hash == 0);
}

/* A container may call itself what it likes, but not like a network: hence the c: and the kind. */
static void container_origin(struct slice id, struct origin *ret)
{
    const size_t room = sizeof ret->text - 2, n = id.len < room ? id.len : room;
    memcpy(ret->text, "c:", 2);
    memcpy(ret->text + 2, id.ptr, n);
    ret->len = n + 2;
    ret->hash = origin_hash(id, ~UINT64_C(0));
}

static void origin_of(const struct ingest *in, const struct sample *s, struct origin *ret)
{
    const struct limit_opts *o = &in->opts.limit->more->opts;
    struct network net;
    char text[NETWORK_TEXT_MAX];
    ret->hash = 0;
    if (s->flags & (SAMPLE_HAS_ORIGIN | SAMPLE_ORIGIN_ASIDE)) {
        container_origin(s->origin, ret);
        return;
    }
    const struct sockaddr *from = batch_sender_of(in->batch, (uint32_t)(s - in->batch->samples));
    if (from == NULL || !network_of(from, o->v4_bits, o->v6_bits, &net))
        return;
    ret->len = network_print(&net, text);
    memcpy(ret->text, text, ret->len);
    ret->hash = origin_hash(slice_of(ret->text, ret->len), 0);
}

static uint32_t batch_s(const struct ingest *in)
{
    return (uint32_t)(in->batch_ns / 1000000000);
}

static bool claim_share(struct ingest *in, const struct sample *s, const struct identity *id,
                        uint64_t *ret_origin)
{
    const struct slice name = identity_name(id);
    struct origin origin = { .hash = 0 };
    if (series_limit_by_origin(in->opts.limit))
        origin_of(in, s, &origin);
    const struct share whose = { hash64_bytes(name.ptr, name.len), origin.hash };
    *ret_origin = origin.hash;
    switch (series_limit_claim_share(in->opts.limit, id->hash, whose)) {
    case LIMIT_OK:
        return true;
    case LIMIT_SERIES:
        return false;
    case LIMIT_PER_NAME:
        limited_add(in->page->limited, LIMITED_SERIES_PER_NAME, name, 1, batch_s(in));
        in->stats.refused_by[LIMITED_SERIES_PER_NAME]++;
        break;
    case LIMIT_PER_ORIGIN:
        limited_add(in->page->limited, LIMITED_SERIES_PER_ORIGIN, slice_of(origin.text, origin.len),
                    1, batch_s(in));
        in->stats.refused_by[LIMITED_SERIES_PER_ORIGIN]++;
        break;
    }
    return false;
}

bool ingest_claim(struct ingest *in, const struct sample *s, const struct identity *id,
                  uint64_t *ret_origin)
{
    *ret_origin = 0;
    if (!series_limit_by_share(in->opts.limit))
        return series_limit_claim(in->opts.limit, id->hash);
    return claim_share(in, s, id, ret_origin);
}

/* ---- samples ---- */

void ingest_drop_rate(struct ingest *in, const struct sample *s, uint32_t now_s)
{
    in->stats.dropped[INGEST_DROP_RATE]++;
    limited_add(in->page->limited, LIMITED_SAMPLES_PER_NAME, slice_of(s->name, s->name_len), 1,
                now_s);
}
