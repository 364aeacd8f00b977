/*
 *     leftover_refused   what is not ours
 *     leftover_end       deafen each, then one worker for all: read -> merge; forget
 */
#include "app/leftover.h"

#include <assert.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "aggregate/registry.h"
#include "base/err.h"
#include "base/log.h"
#include "base/now.h"

enum {
    NO_INTERFACE = 0x7ffffffe,
    IN_FLIGHT_MS = 100 /* where the kernel has no such membarrier */
};

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

bool leftover_refused(const struct inherited *from)
{
    bool refused = false;
    for (size_t i = 0; i < from->n; i++) {
        const struct inherited_fd *one = &from->at[i];
        char what[INHERITED_WHAT_MAX];
        if (one->fd < 0 || inherited_is_own(one->name))
            continue;
        refused = true;
        inherited_what(one->fd, what);
        LOG(LOG_ERROR, "given a descriptor that the config has no use for", F_STR("is", what),
            F_STR("name", one->name),
            F_STR("remedy",
                  "give [listen] socket, or http.listen, exactly that address; or take it "
                  "out of the socket unit"));
    }
    return refused;
}

static enum listen_transport transport_at(int fd, int *ret_type)
{
    int domain = AF_UNSPEC;
    socklen_t len = sizeof domain, type_len = sizeof *ret_type;
    *ret_type = -1;
    (void)getsockopt(fd, SOL_SOCKET, SO_TYPE, ret_type, &type_len);
    (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
    return domain == AF_UNIX ? LISTEN_UNIXGRAM : LISTEN_UDP;
}

static bool holds_datagrams(int fd)
{
    int type;
    (void)transport_at(fd, &type);
    return type == SOCK_DGRAM;
}

/* returns  whether something may be on its way to it still */
static bool deafen(int fd)
{
    const int nowhere = NO_INTERFACE;
    int type;
    if (transport_at(fd, &type) == LISTEN_UDP && type == SOCK_DGRAM)
        return setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &nowhere, sizeof nowhere) == 0;
    (void)shutdown(fd, SHUT_RD);
    return false;
}

static void wait_for_those_on_their_way(void)
{
    const struct timespec wait = { .tv_nsec = IN_FLIGHT_MS * 1000000L };
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
        (void)nanosleep(&wait, NULL);
}

static void turned(void *sem)
{
    uv_sem_post(sem);
}

static void cannot_read(int rc)
{
    LOG(LOG_ERROR, "cannot read sockets of the config before", F_STR("error", err_text(rc)),
        F_STR("lost", "what they hold"));
}

/* No series may count on cells of a worker that ends: they all go with its page. */
static int let_go_of_cells(struct worker *w, const struct ingest_opts *o)
{
    struct generation *empty;
    int rc = ingest_generation_new(o->profiles, o->mapping, &empty);
    if (rc == 0)
        worker_remap(w, empty);
    return rc;
}

/* Everything that the sockets hold.  returns  datagrams */
static uint64_t read_all(const struct inherited *from, struct worker *w,
                         const struct lane_opts *lane, struct registry *registry, uv_sem_t *sem)
{
    unsigned n = 0;
    uint64_t datagrams = 0;
    const struct socket_stats *stats;
    for (size_t i = 0; i < from->n; i++) {
        int fd = from->at[i].fd, type;
        if (fd < 0 || !holds_datagrams(fd))
            continue;
        const struct listen_address a = { .transport = transport_at(fd, &type) };
        int at = worker_add_socket(w, fd, &a);
        n += at >= 0;
        if (at < 0)
            cannot_read(at);
    }
    int rc = let_go_of_cells(w, &lane->ingest);
    if (rc == 0)
        rc = worker_start(w);
    if (rc < 0) {
        cannot_read(rc);
        return 0;
    }
    worker_ask_turn(w, true);
    uv_sem_wait(sem);
    struct page *p = worker_take(w, &stats);
    assert(p != NULL);
    registry_merge(registry, p, now_mono_ns());
    for (unsigned i = 0; i < n; i++)
        datagrams += stats[i].datagrams;
    worker_give(w, p);
    return datagrams;
}

static void forget(const struct inherited *from, struct notify *to)
{
    char text[sizeof "FDSTOREREMOVE=1\nFDNAME=" + INHERITED_NAME_MAX];
    char what[INHERITED_WHAT_MAX];
    for (size_t i = 0; i < from->n; i++) {
        if (from->at[i].fd < 0)
            continue;
        inherited_what(from->at[i].fd, what);
        LOG(LOG_INFO, "closed a socket that the config has no more", F_STR("is", what));
        snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", from->at[i].name);
        (void)notify_say(to, text);
    }
}

void leftover_end(struct inherited *from, const struct lane_opts *lane, struct registry *registry,
                  struct notify *to)
{
    struct worker *w = NULL;
    uv_sem_t sem;
    bool on_their_way = false;
    if (inherited_left(from) == NULL) {
        inherited_release(from);
        return;
    }
    for (size_t i = 0; i < from->n; i++)
        if (from->at[i].fd >= 0)
            on_their_way |= deafen(from->at[i].fd);
    if (on_their_way)
        wait_for_those_on_their_way();
    uv_sem_init(&sem, 0);
    const struct worker_opts o = { .lane = *lane, .notify = turned, .cookie = &sem };
    if (worker_new(&o, &w) == 0) {
        uint64_t datagrams = read_all(from, w, lane, registry, &sem);
        LOG(LOG_INFO, "read what sockets of the config before held", F_U64("datagrams", datagrams));
    }
    worker_join(w);
    uv_sem_destroy(&sem);
    forget(from, to);
    inherited_release(from);
}
