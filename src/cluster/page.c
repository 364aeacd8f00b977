/*
 * cluster_page_stop, cluster_page_cut ..    ask: bits, for do_asked on the page's thread
 * cluster_page_free                         the thread ends with its last handle
 */
#include "cluster/page.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "cluster/page_priv.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"

/* ---- what control asks for ---- */

static void do_asked(struct cluster_page *p)
{
    pthread_mutex_lock(&p->lock);
    const unsigned what = p->what;
    p->what = 0;
    pthread_mutex_unlock(&p->lock);
    if (what & ASKED_STOP)
        scrape_stop(p->scrape);
    if (what & ASKED_CUT)
        scrape_cut(p->scrape);
    if (what & ASKED_END) {
        cluster_serve_close(p);
        uv_close((uv_handle_t *)&p->asked, NULL);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopped |= (what & ASKED_STOP) != 0;
    pthread_mutex_unlock(&p->lock);
    cluster_serve_tell(p);
}

static void on_asked(uv_async_t *asked)
{
    do_asked(asked->data);
}

static void ask(struct cluster_page *p, unsigned what)
{
    pthread_mutex_lock(&p->lock);
    p->what |= what;
    pthread_mutex_unlock(&p->lock);
    if (p->runs)
        uv_async_send(&p->asked);
    else
        do_asked(p);
}

static void run(void *page)
{
    struct cluster_page *p = page;
    (void)pthread_setname_np(pthread_self(), "cluster");
    (void)uv_run(&p->loop, UV_RUN_DEFAULT);
}

/* ---- its life ---- */

static int load_rules(struct cluster_page *p)
{
    struct core_mapping m;
    struct buf errors = { 0 };
    int rc = core_mapping_load(p->config, &m, &errors);
    if (rc == 0)
        p->rules = cluster_rules_new(&m);
    else
        LOG(LOG_ERROR, "cannot start", F_SLICE("error", buf_slice(&errors)));
    buf_release(&errors);
    return rc;
}

static int open_loop(struct cluster_page *p)
{
    int rc = uv_loop_init(&p->loop);
    if (rc == 0)
        rc = uv_async_init(&p->loop, &p->asked, on_asked);
    p->asked.data = p;
    return rc == 0 ? cluster_serve_open(p) : rc;
}

int cluster_page_new(const struct config *c, struct cluster_page **ret)
{
    struct cluster_page *p = mem_zalloc(sizeof *p);
    p->config = c;
    p->idle = true;
    int rc = load_rules(p);
    if (rc == 0)
        rc = open_loop(p);
    if (rc < 0) { /* the process ends */
        cluster_rules_leave(p->rules);
        free(p);
        return rc;
    }
    pthread_mutex_init(&p->lock, NULL);
    *ret = p;
    return 0;
}

int cluster_page_start(struct cluster_page *p)
{
    int rc = uv_thread_create(&p->thread, run, p);
    p->runs = rc == 0;
    return rc;
}

struct http_mailbox *cluster_page_mailbox(struct cluster_page *p)
{
    return scrape_mailbox(p->scrape);
}

void cluster_page_remap(struct cluster_page *p, struct core_mapping *m)
{
    pthread_mutex_lock(&p->lock);
    struct core_mapping before = p->fresh;
    p->fresh = *m;
    pthread_mutex_unlock(&p->lock);
    core_mapping_release(&before);
    *m = (struct core_mapping){ 0 };
}

void cluster_page_stats(struct cluster_page *p, struct cluster_stats *ret)
{
    pthread_mutex_lock(&p->lock);
    *ret = p->stats;
    pthread_mutex_unlock(&p->lock);
}

bool cluster_page_idle(struct cluster_page *p)
{
    ask(p, 0); /* so that the next call knows */
    pthread_mutex_lock(&p->lock);
    bool idle = p->idle;
    pthread_mutex_unlock(&p->lock);
    return idle;
}

void cluster_page_cut(struct cluster_page *p)
{
    ask(p, ASKED_CUT);
}

static bool is_stopped(struct cluster_page *p)
{
    pthread_mutex_lock(&p->lock);
    bool stopped = p->stopped;
    pthread_mutex_unlock(&p->lock);
    return stopped;
}

void cluster_page_stop(struct cluster_page *p, unsigned most_ms)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    const uint64_t begin_ms = now_mono_ms();
    ask(p, ASKED_STOP);
    while (!is_stopped(p) || !cluster_page_idle(p)) {
        if (now_mono_ms() - begin_ms >= most_ms)
            cluster_page_cut(p);
        (void)nanosleep(&pause, NULL);
    }
}

void cluster_page_free(struct cluster_page *p)
{
    if (p == NULL)
        return;
    ask(p, ASKED_END);
    if (p->runs)
        (void)uv_thread_join(&p->thread);
    else
        (void)uv_run(&p->loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&p->loop);
    assert(rc == 0); /* every handle is closed */
    (void)rc;
    cluster_serve_release(p);
    core_mapping_release(&p->fresh);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
