/*
 *     run    capture_files_tidy; then capture_files_finish, capture_files_tidy of each file
 */
#include "capture/closer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct closer {
    pthread_t thread;
    struct capture_files folder; /* the thread's; without a file */
    /* Both sides': */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct capture_files given[CLOSER_FILES]; /* the first is at hand */
    unsigned n;                               /* of them */
    bool end;
    int error;
    unsigned files;
};

static int finish(struct closer *c, struct capture_files *f)
{
    int rc = capture_files_finish(f);
    int tidied = capture_files_tidy(&c->folder);
    return rc < 0 ? rc : tidied;
}

/* With the lock. */
static void take_off(struct closer *c, int rc)
{
    assert(c->n > 0);
    memmove(&c->given[0], &c->given[1], --c->n * sizeof c->given[0]);
    c->files = c->folder.n;
    if (c->error == 0)
        c->error = rc;
    pthread_cond_signal(&c->changed);
}

static void *run(void *closer)
{
    struct closer *c = closer;
    (void)pthread_setname_np(pthread_self(), "capture-files");
    (void)capture_files_tidy(&c->folder); /* what cannot be removed now may be later */
    pthread_mutex_lock(&c->lock);
    c->files = c->folder.n;
    while (c->n > 0 || !c->end) {
        if (c->n == 0) {
            pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        struct capture_files at_hand = c->given[0];
        pthread_mutex_unlock(&c->lock);
        int rc = finish(c, &at_hand);
        pthread_mutex_lock(&c->lock);
        take_off(c, rc);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void release(struct closer *c)
{
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int closer_start(const struct capture_files *f, struct closer **ret)
{
    struct closer *c = mem_zalloc(sizeof *c);
    sigset_t all, before;
    capture_files_init(&c->folder, f->dir, f->max);
    c->files = f->n;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = -pthread_create(&c->thread, NULL, run, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc < 0) {
        release(c);
        return rc;
    }
    *ret = c;
    return 0;
}

void closer_give(struct closer *c, struct capture_files *f)
{
    assert(f->fd >= 0);
    pthread_mutex_lock(&c->lock);
    while (c->n == CLOSER_FILES)
        pthread_cond_wait(&c->changed, &c->lock);
    c->given[c->n++] = *f;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    f->fd = -1;
}

int closer_look(struct closer *c, unsigned *ret_files)
{
    pthread_mutex_lock(&c->lock);
    int rc = c->error;
    *ret_files = c->files;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

int closer_end(struct closer *c, unsigned *ret_files)
{
    pthread_mutex_lock(&c->lock);
    c->end = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    int rc = closer_look(c, ret_files);
    release(c);
    return rc;
}
