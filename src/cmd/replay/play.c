/*
 *     replay_play   a loop over loops and files: play_file
 *     play_file     input_next -> wait_until_due -> add: the datagram moves into the block, its
 *                   timestamps shifted, framed for a stream -> flush, when the block is full or the
 *                   next one is not due yet
 *
 * There is one thread: what is not due yet lies in the file.
 */
#include "cmd/replay/replay.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/now.h"
#include "cmd/replay/shift.h"
#include "send/pace.h"

enum {
    BLOCK_DATAGRAMS = 512,
    BLOCK_BYTES = 1 << 20,
    /* What is due within that goes along: a timer that is this short costs more than it gives. */
    EARLY_NS = 200000,
    NAP_NS = 50000000, /* how long a signal and the live line wait at most */
    SECOND_NS = 1000000000
};

struct replay {
    const struct replay_opts *o;
    const struct cli_io *io;
    struct outlet outlet;
    struct playback playback;
    struct shape shape; /* of --rate */
    struct pace pace;
    struct replay_sums sums, shown; /* shown: as of the live line before */
    uint64_t start_ns, live_ns;
    uint64_t zero_ns, zero_wall_ns; /* when the first one came: a pipe may be long in coming */
    uint64_t taken;                 /* datagrams, for --limit */
    bool terminal;
    bool over;  /* no more is taken */
    bool hurry; /* nor is anything waited for: the user wants it to end, or its time is up */

    /* What is to be sent next. */
    struct buf bytes;
    struct send_datagram datagrams[BLOCK_DATAGRAMS];
    size_t n;
    uint64_t amount, due_ns; /* due: of the first one */
};

/* ---- the clock, signals and the live line ---- */

static void stop_signals(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGTERM);
}

/* Sleep, unless the user wants it to end.  Who asks twice does not want to wait for the sums. */
static void nap(struct replay *r, uint64_t ns)
{
    sigset_t set;
    const struct timespec t = { .tv_nsec = (long)(ns < NAP_NS ? ns : NAP_NS) };
    stop_signals(&set);
    if (r->hurry && ns > 0) {
        nanosleep(&t, NULL);
    } else if (!r->hurry && sigtimedwait(&set, NULL, &t) > 0) {
        r->sums.interrupted = r->over = r->hurry = true;
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    }
}

static void refresh(struct replay *r, uint64_t now_ns)
{
    r->sums.elapsed_s = (double)(now_ns - r->start_ns) * 1e-9;
    r->sums.squeezed = r->playback.squeezed;
    if (!r->o->dry_run)
        r->sums.sent = r->outlet.totals;
}

static void live(struct replay *r, uint64_t now_ns)
{
    struct buf line = { 0 };
    if (now_ns < r->live_ns + SECOND_NS)
        return;
    refresh(r, now_ns);
    report_live(&r->sums, &r->shown, r->terminal, &line);
    cli_write(r->io->err, &line);
    buf_release(&line);
    r->shown = r->sums;
    r->live_ns = now_ns;
}

/* Once around each wait and each call of send: what the clock and the user ask for. */
static uint64_t look(struct replay *r)
{
    const uint64_t now_ns = now_mono_ns();
    live(r, now_ns);
    if (r->o->for_ms > 0 && now_ns - r->start_ns >= r->o->for_ms * 1000000)
        r->over = r->hurry = true;
    return now_ns;
}

/* ---- sending ---- */

static void lag_note(struct replay *r, uint64_t now_ns)
{
    if (!r->sums.paced)
        return;
    r->sums.lag_s = now_ns > r->due_ns ? (double)(now_ns - r->due_ns) * 1e-9 : 0;
    r->sums.lag_most_s = fmax(r->sums.lag_s, r->sums.lag_most_s);
}

static void count_only(struct replay *r)
{
    struct outlet_totals *t = &r->sums.sent;
    t->datagrams += r->n;
    t->amount += r->amount;
    t->bytes += r->bytes.len;
}

static void flush(struct replay *r)
{
    const struct send_block b = { r->bytes.ptr, r->datagrams, r->n, r->amount };
    if (r->n == 0)
        return;
    lag_note(r, look(r));
    if (r->o->dry_run)
        count_only(r);
    /* Who is in a hurry leaves out what would have to wait. */
    for (size_t at = 0; at < r->n && !r->o->dry_run;) {
        size_t done = outlet_send(&r->outlet, &b, at);
        at += done;
        look(r);
        nap(r, 0);
        if (done == 0 && r->hurry) {
            outlet_give_up(&r->outlet, &b, at);
            break;
        }
    }
    buf_clear(&r->bytes);
    r->n = 0;
    r->amount = 0;
}

static uint32_t count_lines(struct slice s)
{
    uint32_t n = 0;
    struct slice line;
    while (slice_cut(&s, '\n', &line))
        n += line.len > 0;
    return n + (s.len > 0);
}

/* Room for the length of a frame is left, and filled in when the length is known. */
static void frame(struct replay *r, size_t at)
{
    if (r->o->target.framing == SEND_FRAMES) {
        const uint32_t len = (uint32_t)(r->bytes.len - at - 4);
        for (size_t i = 0; i < 4; i++)
            r->bytes.ptr[at + i] = (char)(len >> 8 * i & 255);
    } else if (r->o->target.framing == SEND_LINES && r->bytes.ptr[r->bytes.len - 1] != '\n') {
        buf_append_char(&r->bytes, '\n');
    }
}

/* Seconds between the time in the file and that at which it is sent. */
static int64_t shift_of(const struct replay *r, uint64_t recorded_ns, uint64_t due_ns)
{
    uint64_t then_ns = r->sums.paced ? r->zero_wall_ns + (due_ns - r->zero_ns) : now_wall_ns();
    return llround(((double)then_ns - (double)recorded_ns) * 1e-9);
}

static void add(struct replay *r, const struct input_datagram *d, uint32_t lines, uint64_t due_ns)
{
    const size_t at = r->bytes.len;
    const struct slice datagram = slice_of(d->ptr, d->len);
    if (r->o->target.framing == SEND_FRAMES)
        buf_append(&r->bytes, "\0\0\0", 4);
    if (r->o->keep_timestamps)
        buf_append_slice(&r->bytes, datagram);
    else
        r->sums.shifted += shift_append(datagram, shift_of(r, d->at_ns, due_ns), &r->bytes);
    frame(r, at);
    r->due_ns = r->n == 0 ? due_ns : r->due_ns;
    r->datagrams[r->n++] =
        (struct send_datagram){ .at = at, .len = (uint32_t)(r->bytes.len - at), .amount = lines };
    r->amount += lines;
    if (r->n == BLOCK_DATAGRAMS || r->bytes.len >= BLOCK_BYTES)
        flush(r);
}

/* ---- the pace ---- */

static void wait_until(struct replay *r, uint64_t due_ns)
{
    uint64_t now_ns = now_mono_ns();
    if (now_ns + EARLY_NS >= due_ns)
        return;
    flush(r);
    while (!r->over && (now_ns = look(r)) + EARLY_NS < due_ns)
        nap(r, due_ns - now_ns);
}

static void wait_for_rate(struct replay *r, uint32_t lines)
{
    while (!r->over) {
        const double at_s = (double)(now_mono_ns() - r->start_ns) * 1e-9;
        if (pace_takes(&r->pace, pace_due(&r->pace, at_s), lines))
            break;
        flush(r);
        look(r);
        nap(r, (uint64_t)(pace_sleep(&r->pace, at_s, lines) * 1e9));
    }
    pace_sent(&r->pace, lines);
}

static void play(struct replay *r, const struct input_datagram *d)
{
    const uint32_t lines = count_lines(slice_of(d->ptr, d->len));
    if (r->zero_ns == 0) {
        r->zero_ns = now_mono_ns();
        r->zero_wall_ns = now_wall_ns();
    }
    const uint64_t due_ns = r->zero_ns + playback_due(&r->playback, d->at_ns);
    if (r->sums.paced)
        wait_until(r, due_ns);
    else if (r->o->rate > 0 && !r->o->dry_run)
        wait_for_rate(r, lines);
    if (r->over)
        return;
    add(r, d, lines, due_ns);
    r->over = r->over || (++r->taken == r->o->limit);
}

/* ---- files ---- */

static void say(struct replay *r, const char *what, struct buf *text)
{
    fprintf(r->io->err, "%sstatsd: %s%.*s\n", r->terminal ? "\r\033[K" : "", what, (int)text->len,
            text->ptr);
    buf_release(text);
}

/* What the reader asks while it waits: what lies ready is due. */
static bool go_on(void *arg)
{
    struct replay *r = arg;
    flush(r);
    look(r);
    nap(r, 0);
    return !r->over;
}

/* returns  false: it cannot be read, and it was said */
static bool play_file(struct replay *r, const char *path)
{
    struct input_opts opts = r->o->input;
    struct input_datagram d;
    struct input *in;
    struct buf error = { 0 };
    int rc = 1;
    opts.path = path;
    opts.counts = &r->sums.input;
    opts.go_on = go_on;
    opts.arg = r;
    if (input_open(&opts, &in, &error) < 0) {
        if (r->over) { /* nothing more was to be read */
            buf_release(&error);
            return true;
        }
        say(r, "", &error);
        return false;
    }
    while (!r->over && (rc = input_next(in, &d, &error)) == 1) {
        r->sums.part = input_part(in);
        play(r, &d);
    }
    nap(r, 0); /* Ctrl-C ends who writes to a pipe, too */
    flush(r);
    input_close(in);
    /* The capture was ended by force: what there is is good. */
    if (rc < 0 && !r->over) {
        r->sums.damaged_files++;
        say(r, "warning: what lies before it was replayed: ", &error);
    }
    buf_release(&error);
    return true;
}

/* A loop over what has no length, such as one packet, takes a second of the recording: at a pace
 * nobody floods the target without asking for it. */
static bool play_all(struct replay *r)
{
    while (!r->over && r->sums.loops < r->o->loops) {
        const uint64_t before = r->sums.input.datagrams, began_ns = r->playback.past_ns;
        for (size_t i = 0; i < r->o->n_files && !r->over; i++) {
            playback_again(&r->playback);
            if (!play_file(r, r->o->files[i]))
                return false;
        }
        r->sums.loops += !r->over;
        if (r->sums.input.datagrams == before)
            break; /* nor would there be any the next time */
        if (r->playback.past_ns == began_ns)
            r->playback.past_ns += SECOND_NS;
    }
    return true;
}

/* ---- the whole ---- */

static bool open_target(struct replay *r)
{
    const struct replay_opts *o = r->o;
    const bool max = o->speed <= 0 && !(o->rate > 0);
    fprintf(r->io->err, "statsd: %s %s\n", o->dry_run ? "nothing is sent, but would be to" : "to",
            o->target.text);
    (void)fflush(r->io->err);
    if (o->dry_run)
        return true;
    int rc = outlet_open(&r->outlet, &o->target, max);
    if (rc < 0)
        fprintf(r->io->err, "statsd: %s: %s\n", o->target.text, err_text(rc));
    return rc == 0;
}

static void begin(struct replay *r)
{
    const struct replay_opts *o = r->o;
    const struct shape_spec constant = { .rate = o->rate, .duration_s = 1 };
    r->sums.paced = o->speed > 0 && !o->dry_run;
    r->sums.part = NAN;
    r->playback.speed = r->sums.paced ? o->speed : 0;
    r->terminal = isatty(fileno(r->io->err)) == 1;
    (void)shape_init(&r->shape, "constant", &constant);
    r->pace = (struct pace){ .shape = &r->shape, .share = 1, .phase = 0.5, .unit = 1 };
    r->start_ns = r->live_ns = now_mono_ns();
}

static int report(struct replay *r)
{
    struct buf out = { 0 };
    refresh(r, now_mono_ns());
    if (r->terminal)
        fputs("\r\033[K", r->io->err);
    if (r->o->json)
        report_json(r->o, &r->sums, &out);
    else
        report_text(r->o, &r->sums, &out);
    bool written = cli_write(r->io->out, &out);
    const struct outlet_totals *t = &r->sums.sent;
    bool good =
        written && t->datagrams > 0 && t->failed == 0 && t->unreachable == 0 && !t->unfinished;
    buf_release(&out);
    return good ? CLI_OK : CLI_FAILED;
}

int replay_play(const struct replay_opts *o, const struct cli_io *io)
{
    struct replay *r = mem_zalloc(sizeof *r);
    sigset_t set, before;
    int status = CLI_FAILED;
    *r = (struct replay){ .o = o, .io = io, .outlet = { .socket = { .fd = -1 } } };
    stop_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    if (open_target(r)) {
        begin(r);
        bool read = play_all(r);
        if (!o->dry_run)
            outlet_settle(&r->outlet);
        nap(r, 0);
        if (read || r->sums.input.packets > 0)
            status = report(r);
        status = read ? status : CLI_FAILED;
    }
    outlet_close(&r->outlet);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    shape_release(&r->shape);
    buf_release(&r->bytes);
    free(r);
    return status;
}
