#include "protocol/parser.h"

#include <assert.h>

void parser_reject(struct parser *p, struct batch *b, const struct line *l, enum reason reason,
                   const char *at)
{
    assert(reason < REASON_COUNT);
    b->counts.samples++;
    b->counts.rejected[reason]++;
    if (p->opts.on_error == NULL || (*p->opts.errors >> reason & 1) == 0)
        return;
    size_t where = l->lead + (size_t)(at - (l->text + l->start));
    assert(where <= l->raw.len);
    const struct parse_error e = { reason, l->raw, where };
    p->opts.on_error(p->opts.cookie, &e);
}
