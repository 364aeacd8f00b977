/**
 * jobs: answers that take longer than the control thread may stay with one thing: they are made in
 * slices of half a millisecond, between which the loop goes round.
 *
 * One that waits for somebody else is asked again every API_JOB_LOOK_MS, and the loop rests
 * meanwhile.
 *
 * A path's answer function fills in a struct api_later and returns API_LATER.  API_JOBS_MAX are at
 * work at a time, a slice of each in turn; who asks for one more gets a 503.
 *   thread   control
 */
#ifndef API_JOBS_H
#define API_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "api/counters.h"
#include "base/buf.h"

struct http_request;

enum { API_JOBS_MAX = 4, API_JOB_SLICE_NS = 500000, API_JOB_LOOK_MS = 10 };

struct api_job_ops {
    /*
     * Go on until until_ns (monotonic) about; out is the answer so far.
     * returns  true: there is more to do; false: out is the answer, with *ret, API_200 until it is
     *          set, as its status
     */
    bool (*some)(void *job, uint64_t until_ns, struct buf *out, enum api_status *ret);
    void (*free)(void *job);
    /* Is there nothing to go on with so far?  NULL: there always is */
    bool (*waits)(const void *job);
};

/* The request's arguments are gone when the job goes on: it has copies.  Its body stays. */
struct api_later {
    const struct api_job_ops *ops;
    void *job; /* taken */
};

/* Answer r.  Takes json */
typedef void (*api_job_done)(void *cookie, struct http_request *r, enum api_status status,
                             struct buf *json);

struct api_jobs {
    struct api_job {
        struct http_request *request;
        struct api_later later;
        struct buf json;
    } at[API_JOBS_MAX];
    unsigned n, next;
    uv_idle_t working; /* active while one of them does not wait; its owner closes both */
    uv_timer_t look;   /* while all of them wait */
    api_job_done done;
    void *cookie;
};

void api_jobs_init(struct api_jobs *j, uv_loop_t *loop, api_job_done done, void *cookie);
bool api_jobs_room(const struct api_jobs *j);
void api_jobs_add(struct api_jobs *j, struct http_request *r, const struct api_later *later);

/* Answer 503 to all. */
void api_jobs_stop(struct api_jobs *j);

#endif
