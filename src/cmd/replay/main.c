/*
 * `statsd replay`: what the command line asks for, and whether it fits together.
 */
#include "cmd/replay/replay.h"

#include <errno.h>
#include <string.h>

#include "base/duration.h"
#include "base/err.h"
#include "base/number.h"

#define TARGET_USUAL "udp://127.0.0.1:8125"
#define SPEED_MIN    0.1
#define SPEED_MAX    1000
#define RATE_MAX     1e9

/* A whole number of at least 1.  returns  false: it was said */
static bool whole(const char *option, const char *text, uint64_t max, uint64_t *ret,
                  const struct cli_io *io)
{
    int64_t n;
    if (!number_parse_int(slice_str(text), &n) || n < 1 || (uint64_t)n > max) {
        cli_usage(io, "%s %s: a whole number from 1 to %llu", option, text,
                  (unsigned long long)max);
        return false;
    }
    *ret = (uint64_t)n;
    return true;
}

static bool speed_of(const struct cli_args *args, struct replay_opts *o, const struct cli_io *io)
{
    o->speed = args->rate != NULL ? 0 : 1;
    if (args->rate != NULL && args->speed != NULL) {
        cli_usage(io, "--speed and --rate are two paces: give one of them");
        return false;
    }
    if (args->rate != NULL &&
        (!number_parse(slice_str(args->rate), &o->rate) || !(o->rate > 0 && o->rate <= RATE_MAX))) {
        cli_usage(io, "--rate %s: lines a second, over 0 and up to 1e9", args->rate);
        return false;
    }
    if (args->speed == NULL)
        return true;
    if (strcmp(args->speed, "max") == 0) {
        o->speed = 0;
        return true;
    }
    if (number_parse(slice_str(args->speed), &o->speed) && o->speed >= SPEED_MIN &&
        o->speed <= SPEED_MAX)
        return true;
    cli_usage(io, "--speed %s: a factor from 0.1 to 1000, or max", args->speed);
    return false;
}

static bool bounds_of(const struct cli_args *args, struct replay_opts *o, const struct cli_io *io)
{
    o->loops = 1;
    if (args->loop != NULL && strcmp(args->loop, "forever") == 0)
        o->loops = REPLAY_FOREVER;
    else if (args->loop != NULL && !whole("--loop", args->loop, INT64_MAX, &o->loops, io))
        return false;
    if (args->limit != NULL && !whole("--limit", args->limit, INT64_MAX, &o->limit, io))
        return false;
    if (args->lasting == NULL)
        return true;
    const char *wrong = duration_parse(slice_str(args->lasting), &o->for_ms);
    if (wrong == NULL && o->for_ms > 0)
        return true;
    cli_usage(io, "--for %s: %s; a time such as 30s", args->lasting,
              wrong != NULL ? wrong : "is nothing");
    return false;
}

static bool input_of(const struct cli_args *args, struct replay_opts *o, const struct cli_io *io)
{
    uint64_t port = 0;
    if (args->port != NULL && !whole("--port", args->port, 65535, &port, io))
        return false;
    o->input = (struct input_opts){ .filter = args->filter,
                                    .port = (uint16_t)port,
                                    .truncated = args->truncated,
                                    .outgoing = args->outgoing };
    return true;
}

static bool target_of(const struct cli_args *args, struct replay_opts *o, const struct cli_io *io)
{
    const char *text = args->to != NULL ? args->to : TARGET_USUAL;
    int rc = target_parse(text, &o->target);
    if (rc == -ENOENT)
        cli_usage(io, "--to %s: the name has no address", text);
    else if (rc < 0)
        cli_usage(io,
                  "--to %s: an address is udp://HOST:PORT, unixgram:///PATH, tcp://HOST:PORT or "
                  "unix:///PATH, of streams with ?framing=line or dsd behind it",
                  text);
    return rc == 0;
}

static bool files_of(const struct cli_args *args, struct replay_opts *o, const struct cli_io *io)
{
    o->files = args->rest;
    o->n_files = args->n_rest;
    if (o->n_files == 0) {
        cli_usage(io, "replay needs a FILE, such as `tcpdump -w FILE udp port 8125` writes; - is "
                      "standard input");
        return false;
    }
    for (size_t i = 0; i < o->n_files; i++) {
        if (strcmp(o->files[i], "-") != 0 || (o->n_files == 1 && o->loops == 1))
            continue;
        cli_usage(io, "standard input can be read once: alone, and without --loop");
        return false;
    }
    return true;
}

int replay_main(const struct cli_args *args, const struct cli_io *io)
{
    struct replay_opts o = { .keep_timestamps = args->keep_timestamps,
                             .dry_run = args->dry_run,
                             .json = args->json };
    if (!speed_of(args, &o, io) || !bounds_of(args, &o, io) || !input_of(args, &o, io) ||
        !target_of(args, &o, io) || !files_of(args, &o, io))
        return CLI_USAGE;
    return replay_play(&o, io);
}
