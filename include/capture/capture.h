/**
 * capture: datagrams as they came, in pcap files that tcpdump and Wireshark read.  docs/capture.md
 * is its users' side.
 *
 *     workers                       capture thread                        the disk
 *     copies in tap rings  ════>    every 5 ms: packets (origin.h,  ──>   files (files.h)
 *     (base/tap_ring.h)             packet.h) into a buffer
 *                                   once a second: the buffer is
 *                                   written, the limits are looked at
 *
 *     capture_start, which makes the first file on the capture's thread
 *     capture_look      once `began`: the workers may fill the rings; `ended` before: no file
 *     capture_look ... says in `over` that it is to end, by itself; or somebody wants it to
 *     the workers let go of the rings
 *     capture_finish    what the rings hold is written, the file is finished
 *     capture_look      once `ended`: capture_join
 *
 * A file that is whole is finished (fsync, its name, the oldest file) by a second thread: the disk
 * takes longer for that than a ring may last.
 *
 * A worker that finds its ring full goes on, and counts.  Where the disk fails, the rings are read
 * on and what they bring is counted as dropped.
 *
 *   thread   control, which waits for the disk in capture_await and capture_join alone, as long as
 *            it says
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tap_ring.h"
#include "capture/counters.h"
#include "capture/socket.h"

enum { CAPTURE_FILE_MAX = 64 };

/*
 * The most that it takes while it runs, and of the ring of each worker beside: at a million lines a
 * second, 80 MB, it lasts 0.2 s, in which the disk or others on the machine may hold up the thread.
 */
enum { CAPTURE_MEMORY_BYTES = 2 << 20, CAPTURE_RING_BYTES = 16 << 20 };

/* What one worker brings. */
struct capture_feed {
    struct tap_ring *ring;
    const uint16_t *sockets; /* n_sockets: by the record's `listener`, the socket's number */
    size_t n_sockets;
};

struct capture_opts {
    int dir;             /* capture.dir, open */
    uint32_t snaplen;    /* bytes that are kept of a packet, its headers counted */
    uint64_t max_bytes;  /* then it ends; 0: never */
    uint64_t file_bytes; /* then the next file begins */
    unsigned max_files;  /* in the folder; the oldest goes */
    int64_t until_ms;    /* wall clock: it ends, with what came before; 0: never */
    const struct capture_socket *sockets;
    size_t n_sockets;
    const struct capture_feed *feeds;
    size_t n_feeds;
};

struct capture_seen {
    bool began;                  /* there is a file; false with `ended`: there is none */
    enum capture_end over;       /* CAPTURE_GOES_ON, or why it is to end */
    int error;                   /* -errno of CAPTURE_END_ERROR */
    bool ended;                  /* all is written, and the thread ends */
    char file[CAPTURE_FILE_MAX]; /* that is being written, or was last; in capture.dir */
    unsigned files;              /* in the folder, at the last look */
    uint64_t packets, bytes;     /* written; bytes: of the files */
    uint64_t lost;               /* packets that the disk did not take, or had no room for */
};

struct capture;

/**
 * capture_start(o, ret):
 *   o        borrowed: the arrays until capture_join, the rest for the call
 *   returns  0; -errno: there is no thread
 */
int capture_start(const struct capture_opts *o, struct capture **ret);

void capture_look(struct capture *c, struct capture_seen *ret);

/* As capture_look, once it has begun or ended, or after wait_ms. */
void capture_await(struct capture *c, unsigned wait_ms, struct capture_seen *ret);

/* Nobody writes into the rings any more.  One that has not begun does not. */
void capture_finish(struct capture *c);

/**
 * capture_join(c, wait_ms, ret):
 * After capture_finish: wait for the thread, and free c.
 *   ret      as capture_look at the end
 *   returns  false: it did not end in time, as the disk hangs; it is left to the end of the
 *            process, with c and what c has borrowed
 */
bool capture_join(struct capture *c, unsigned wait_ms, struct capture_seen *ret);

#endif
