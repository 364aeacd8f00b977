#include "mirror/share.h"

#include <math.h>

#include "base/hash.h"
#include "base/number.h"

#define TWO_TO_64 0x1p64

const char *mirror_share_parse(struct slice text, struct mirror_share *ret)
{
    const bool percent = slice_ends(text, SLICE_LIT("%"));
    double v;
    if (percent)
        text.len--;
    if (!number_parse(text, &v))
        return "is not a number, nor one with a % behind it";
    v = percent ? v / 100 : v;
    if (!(v >= 0 && v <= 1))
        return "is out of range";
    *ret = (struct mirror_share){ .share = v, .all = v >= 1 };
    ret->below = ret->all ? UINT64_MAX : (uint64_t)(v * TWO_TO_64);
    return NULL;
}

uint64_t mirror_hash_text(struct slice text)
{
    return XXH3_64bits_withSeed(text.ptr, text.len, 0);
}

static void add(XXH3_state_t *state, struct slice s)
{
    XXH3_64bits_update(state, s.ptr, s.len);
}

uint64_t mirror_hash_series(const struct sample *s, struct tags *room)
{
    /* Lines with more than these are refused by every server, so no limit of one changes a hash. */
    static const struct tags_opts opts = { .max_tags = TAGS_MAX, .max_tag_len = UINT16_MAX };
    const struct slice name = slice_of(s->name, s->name_len);
    if (tags_parse(&opts, s, room) != REASON_NONE || room->n == 0)
        return mirror_hash_text(name);
    XXH3_state_t state;
    XXH3_64bits_reset_withSeed(&state, 0);
    add(&state, name);
    for (uint32_t i = 0; i < room->n; i++) {
        add(&state, i == 0 ? SLICE_LIT("|#") : SLICE_LIT(","));
        add(&state, room->at[i].key);
        add(&state, SLICE_LIT(":"));
        add(&state, room->at[i].value);
    }
    return XXH3_64bits_digest(&state);
}
