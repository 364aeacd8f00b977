/**
 * tails: GET /api/v1/tail: those who watch lines as they arrive, each with a pattern and a rate.
 *
 *     app    api_tails_line: each line of the sample    ──> those whose pattern matches
 *            api_tails_flush: after each drain of it    ──> their events go out (tail_stream.h)
 *
 * A tail shows lines of the sample that the workers set aside, so it costs them nothing more.  What
 * its pattern costs the control thread is bounded, of a line and of a second, in steps of a glob
 * (base/glob.h); a line that would take more is skipped, and told so.
 *
 *   thread   control
 */
#ifndef API_TAILS_H
#define API_TAILS_H

#include <stdbool.h>
#include <uv.h>

#include "api/tail_stream.h"
#include "http/http.h"

/* How many tails at a time; lines a second of each. */
enum { API_TAILS_MAX = 16, API_TAIL_RATE = 50, API_TAIL_RATE_MAX = 1000 };

/*
 * Steps of each tail's pattern: of a line, more than ten for each byte that is looked at; and of a
 * second, some ms.  With the worst of patterns in all tails that is 0.5 ms of a line, and a
 * twentieth of the thread.  To show a line takes as long as so many.
 */
enum { API_TAIL_LINE_STEPS = 16384, API_TAIL_SECOND_STEPS = 2000000, API_TAIL_SHOWN_STEPS = 4096 };

struct api_tails;

struct api_tails_opts {
    uv_loop_t *loop;
    const char *refusal; /* why there are none, for people, static; NULL: there are */
    /* After one has opened: the first lines are waited for.  Not with a refusal */
    void (*opened)(void *cookie);
    void *cookie;
};

/* returns  0, or -errno of libuv */
int api_tails_new(const struct api_tails_opts *opts, struct api_tails **ret);

/* Valid until api_tails_free. */
struct http_route api_tails_route(struct api_tails *t);

/* Is there somebody to show lines to?  NULL: no. */
bool api_tails_open(const struct api_tails *t);

/**
 * api_tails_line(t, line, name, about, cookie):
 *   name     of the line's metric; ptr NULL: it has none
 *   about    what it says of the line is asked for when somebody wants it
 *   returns  the steps that it took, at most API_TAILS_MAX * (API_TAIL_LINE_STEPS +
 *            API_TAIL_SHOWN_STEPS)
 */
uint32_t api_tails_line(struct api_tails *t, struct slice line, struct slice name,
                        void (*about)(void *cookie, struct tail_line *ret), void *cookie);

/* Every 100 ms or so while there is one. */
void api_tails_flush(struct api_tails *t, uint64_t now_ns);

/* Before http_leave and http_stop: end all, and answer 503 from now on; before http_start: let them
 * in.  A new one is started.  NULL is fine. */
void api_tails_stop(struct api_tails *t);
void api_tails_start(struct api_tails *t);

/* Stopped, after the HTTP server; gone when the loop has run once more.  NULL is fine. */
void api_tails_free(struct api_tails *t);

#endif
