#include "receive.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/now.h"

/* Datagrams of one system call.  returns  how many, 0 when a Unix queue is full */
static uint64_t send_some(void)
{
    static char text[SLOT_BYTES];
    static struct mmsghdr out[64];
    static struct iovec one;
    long each = plan.gso ? plan.gso : 1;
    int calls = plan.gso || plan.sends ? 1 : 64;
    if (one.iov_base == NULL) {
        memset(text, 'x', sizeof text);
        one = (struct iovec){ text, (size_t)(plan.payload * each) };
        for (int i = 0; i < 64; i++)
            out[i].msg_hdr = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1 };
    }
    int n = sendmmsg(tx, out, (unsigned)calls, plan.local ? MSG_DONTWAIT : 0);
    if (n < 0 && errno != EAGAIN)
        die("sendmmsg");
    return n < 0 ? 0 : (uint64_t)n * (uint64_t)each;
}

static void send_fill(void)
{
    uint64_t n = 1;
    if (plan.sends) {
        for (long i = 0; i < plan.sends; i++)
            atomic_fetch_add(&progress->sent, send_some());
        return;
    }
    /* The kernel has doubled it */
    while (n > 0 && (plan.local || queued_bytes() < (uint64_t)plan.buffer * 9 / 5)) {
        n = send_some();
        atomic_fetch_add(&progress->sent, n);
    }
}

/* One by one, each at its time: the receiver that keeps up is woken for each. */
static void send_paced(void)
{
    static char text[SLOT_BYTES];
    memset(text, 'x', sizeof text);
    uint64_t start = now_mono_ns(), n = (uint64_t)plan.rate * RATE_SECONDS;
    for (uint64_t i = 0; i < n; i++) {
        while (now_mono_ns() - start < i * 1000000000 / (uint64_t)plan.rate) {}
        if (send(tx, text, (size_t)plan.payload, 0) < 0)
            die("send");
        atomic_fetch_add(&progress->sent, 1);
    }
    usleep(QUIET_MS * 1000);
    progress->done = true;
    if (send(tx, text, 1, 0) < 0) /* wakes a receiver that waits without a timeout */
        die("send");
}

pid_t sender_start(void)
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    cpu_set_t set_of_one;
    CPU_ZERO(&set_of_one);
    CPU_SET((size_t)plan.core, &set_of_one);
    sched_setaffinity(0, sizeof set_of_one, &set_of_one);
    if (plan.rate)
        send_paced();
    else
        send_fill();
    _exit(0);
}

void sender_join(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        exit(1); /* NOLINT(concurrency-mt-unsafe): there is one thread */
}
