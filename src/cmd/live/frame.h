/**
 * frame: one screen of `statsd top`, as lines of text.
 *   thread   any; no state
 */
#ifndef CMD_LIVE_FRAME_H
#define CMD_LIVE_FRAME_H

#include <stdbool.h>

#include "base/buf.h"
#include "cmd/live/model.h"

struct frame_view {
    const char *url;           /* what is looked at, as it may be shown */
    const char *clock;         /* "12:00:01" */
    const char *filter;        /* rows whose key has this in it; "": all */
    const char *trouble;       /* why there is nothing new; NULL: there is */
    bool by_name;              /* rows by name, not by value */
    bool paused, help, typing; /* typing: the filter is being typed */
    bool keys;                 /* a last line says which keys there are */
};

/**
 * frame_put(m, v, columns, rows, out):
 * Append at most `rows` lines of at most `columns` cells, each with its line end.  What has no room
 * is left out from the bottom of the table.
 *   columns, rows   at least 20 and 5
 */
void frame_put(const struct model *m, const struct frame_view *v, size_t columns, size_t rows,
               struct buf *out);

#endif
