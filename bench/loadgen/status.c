#include "status.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "words.h"

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void status_init(struct status *s, bool quiet, bool by_datagram)
{
    *s = (struct status){ .quiet = quiet,
                          .terminal = isatty(STDERR_FILENO) == 1,
                          .by_datagram = by_datagram };
}

bool status_wait(void *cookie, double seconds)
{
    struct status *s = cookie;
    sigset_t set;
    stop_signals(&set);
    if (!s->blocked)
        pthread_sigmask(SIG_BLOCK, &set, NULL);
    s->blocked = true;
    struct timespec t = { (time_t)seconds, (long)((seconds - floor(seconds)) * 1e9) };
    if (sigtimedwait(&set, NULL, &t) > 0) {
        s->stop = true;
        /* Who asks twice does not want to wait for the report */
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    }
    return s->stop;
}

bool status_stop_waits(void)
{
    sigset_t waiting, stop;
    stop_signals(&stop);
    return sigpending(&waiting) == 0 && sigandset(&stop, &stop, &waiting) == 0 &&
           sigisemptyset(&stop) == 0;
}

void status_row(void *cookie, const struct run_row *now, const struct run_row *before)
{
    struct status *s = cookie;
    if (s->quiet)
        return;
    struct buf b = { 0 };
    double dt = now->at_s - (before ? before->at_s : 0);
    double sent = (double)(s->by_datagram ? now->sent.datagrams : now->sent.lines);
    double was =
        before ? (double)(s->by_datagram ? before->sent.datagrams : before->sent.lines) : 0;
    double cpu = (now->server.v[PROBE_CPU_S] - (before ? before->server.v[PROBE_CPU_S] : 0)) / dt;
    buf_printf(&b, "%s%6.1f s  ", s->terminal ? "\r\033[K" : "", now->at_s);
    words_count(&b, dt > 0 ? (sent - was) / dt : 0);
    if (!isnan(now->rate)) {
        buf_append_str(&b, " of ");
        words_count(&b, now->rate);
    }
    buf_append_str(&b, s->by_datagram ? " datagrams/s  sent " : " lines/s  sent ");
    words_count(&b, sent);
    double loss = run_row_loss(now);
    if (isnan(loss))
        buf_append_str(&b, "  loss n/a");
    else
        buf_printf(&b, "  loss %.3f %%", loss * 100);
    if (cpu >= 0)
        buf_printf(&b, "  cpu %.0f %%  rss %.0f MiB", cpu * 100,
                   now->server.v[PROBE_RSS_BYTES] / 1048576);
    if (!isnan(now->scrape_s))
        buf_printf(&b, "  scrape %.1f ms", now->scrape_s * 1e3);
    if (!s->terminal)
        buf_append_char(&b, '\n');
    (void)fwrite(b.ptr, 1, b.len, stderr);
    (void)fflush(stderr);
    buf_release(&b);
}

void status_end(struct status *s)
{
    if (s->terminal && !s->quiet)
        fputc('\n', stderr);
}
