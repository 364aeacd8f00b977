#include "api/jobs.h"

#include <assert.h>

#include "base/now.h"
#include "http/answer.h"

enum { STATUS_UNAVAILABLE = 503 };

static struct api_job take(struct api_jobs *j, unsigned i)
{
    struct api_job job = j->at[i];
    assert(i < j->n);
    j->at[i] = j->at[--j->n];
    if (j->n == 0) {
        uv_idle_stop(&j->working);
        uv_timer_stop(&j->look);
    }
    return job;
}

static bool waits(const struct api_job *job)
{
    const struct api_job_ops *ops = job->later.ops;
    return ops->waits != NULL && ops->waits(job->later.job);
}

static void on_working(uv_idle_t *working);

static void on_look(uv_timer_t *look)
{
    struct api_jobs *j = look->data;
    uv_idle_start(&j->working, on_working);
}

/* Whose turn is it?  j->n: all of them wait */
static unsigned turn(struct api_jobs *j)
{
    for (unsigned tried = 0; tried < j->n; tried++) {
        const unsigned i = j->next++ % j->n;
        if (!waits(&j->at[i]))
            return i;
    }
    return j->n;
}

static void on_working(uv_idle_t *working)
{
    struct api_jobs *j = working->data;
    enum api_status status = API_200;
    const unsigned i = turn(j);
    if (i == j->n) {
        uv_idle_stop(&j->working);
        uv_timer_start(&j->look, on_look, API_JOB_LOOK_MS, 0);
        return;
    }
    struct api_job *job = &j->at[i];
    if (job->later.ops->some(job->later.job, now_mono_ns() + API_JOB_SLICE_NS, &job->json, &status))
        return;
    struct api_job over = take(j, i);
    over.later.ops->free(over.later.job);
    j->done(j->cookie, over.request, status, &over.json);
}

void api_jobs_init(struct api_jobs *j, uv_loop_t *loop, api_job_done done, void *cookie)
{
    *j = (struct api_jobs){ .done = done, .cookie = cookie };
    uv_idle_init(loop, &j->working);
    j->working.data = j;
    uv_timer_init(loop, &j->look);
    j->look.data = j;
}

bool api_jobs_room(const struct api_jobs *j)
{
    return j->n < API_JOBS_MAX;
}

void api_jobs_add(struct api_jobs *j, struct http_request *r, const struct api_later *later)
{
    assert(api_jobs_room(j));
    j->at[j->n++] = (struct api_job){ .request = r, .later = *later };
    uv_idle_start(&j->working, on_working);
}

void api_jobs_stop(struct api_jobs *j)
{
    while (j->n > 0) {
        struct api_job job = take(j, j->n - 1);
        job.later.ops->free(job.later.job);
        buf_release(&job.json);
        http_answer(job.request, STATUS_UNAVAILABLE, NULL);
    }
}
