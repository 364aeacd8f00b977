/*
 *     input_open   file_open -> pipe_open, if it is none of the disk -> libpcap -> the filter
 *                  -> only_outgoing
 *     input_next   pcap_next_ex -> datagram_of: frame_ip_read -> reassembly_add, if a fragment
 *                  -> udp_of: frame_udp_read, is it for us?
 */
#include "capture/input.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "capture/frame.h"
#include "capture/reassembly.h"

enum { DISCARD_PORT = 9, ASK_EVERY = 4096 /* packets: a millisecond's */ };

const char *const input_skip_names[INPUT_SKIP_COUNT] = {
#define X(id, name, text) name,
    INPUT_SKIPS(X)
#undef X
};

const char *const input_skip_texts[INPUT_SKIP_COUNT] = {
#define X(id, name, text) text,
    INPUT_SKIPS(X)
#undef X
};

struct input {
    struct input_opts opts;
    const char *name; /* of the file, for texts */
    pcap_t *pcap;
    FILE *file; /* pcap's */
    int fd;     /* file's */
    enum frame_link link;
    bool ours; /* the server made it */
    struct reassembly *fragments;
    off_t bytes; /* of the file; 0: it is none */
};

/* ---- opening ---- */

/* What is compressed is told by its first byte, which no capture file begins with. */
static const char *compressed_by(int first_byte)
{
    return first_byte == 0x1f ? "zcat" : first_byte == 0x28 ? "zstdcat" : NULL;
}

static bool goes_on(const struct input *in)
{
    return in->opts.go_on == NULL || in->opts.go_on(in->opts.arg);
}

/* Whoever waits for a pipe would neither hear a signal nor send what lies ready. */
static ssize_t pipe_read(void *arg, char *to, size_t n)
{
    const struct input *in = arg;
    struct pollfd p = { .fd = in->fd, .events = POLLIN };
    int rc;
    for (int wait_ms = 0; (rc = poll(&p, 1, wait_ms)) <= 0; wait_ms = INPUT_WAIT_MS) {
        if (rc < 0 && errno != EINTR)
            return -1;
        if (!goes_on(in))
            return 0;
    }
    ssize_t got;
    do
        got = read(in->fd, to, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static int pipe_close(void *arg)
{
    const struct input *in = arg;
    return in->fd == STDIN_FILENO ? 0 : close(in->fd);
}

/* O_NONBLOCK: a FIFO that nobody writes to yet is open at once, and waited for as any other. */
static int fd_open(const char *path, bool standard, struct stat *ret)
{
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, ret) == 0)
        return fd < 0 ? -errno : fd;
    int rc = -errno;
    if (!standard)
        close(fd);
    return rc;
}

static int source_open(struct input *in, bool standard)
{
    static const cookie_io_functions_t pipe = { .read = pipe_read, .close = pipe_close };
    struct stat st;
    in->fd = fd_open(in->opts.path, standard, &st);
    if (in->fd < 0)
        return in->fd;
    in->bytes = S_ISREG(st.st_mode) ? st.st_size : 0;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        in->file = fopencookie(in, "r", pipe);
    else
        in->file = standard ? stdin : fdopen(in->fd, "r");
    if (in->file != NULL)
        return 0;
    int rc = -errno;
    if (!standard)
        close(in->fd);
    return rc;
}

static int file_open(struct input *in, struct buf *error)
{
    bool standard = strcmp(in->opts.path, "-") == 0;
    in->name = standard ? "standard input" : in->opts.path;
    int rc = source_open(in, standard);
    if (rc < 0) {
        buf_printf(error, "%s: %s", in->name, err_text(rc));
        return rc;
    }
    int first = getc(in->file);
    const char *reader = compressed_by(first);
    if (reader != NULL) {
        buf_printf(error, "%s: it is compressed: `%s %s | statsd replay -`", in->name, reader,
                   standard ? "FILE" : in->name);
        return -EINVAL;
    }
    if (first != EOF)
        (void)ungetc(first, in->file);
    return 0;
}

/* libpcap has no names for those that everybody may use as he likes. */
static void link_name(int dlt, struct buf *out)
{
    const char *name = pcap_datalink_val_to_name(dlt);
    if (name != NULL)
        buf_printf(out, "%s (%d)", name, dlt);
    else if (dlt >= DLT_USER0 && dlt <= DLT_USER15)
        buf_printf(out, "USER%d (%d)", dlt - DLT_USER0, dlt);
    else
        buf_printf(out, "%d", dlt);
}

static int link_learn(struct input *in, struct buf *error)
{
    const int dlt = pcap_datalink(in->pcap);
    if (frame_link_of(dlt, &in->link))
        return 0;
    buf_printf(error, "%s: no packets of IP are found in link type ", in->name);
    link_name(dlt, error);
    buf_append_str(error,
                   "; known are EN10MB, LINUX_SLL, LINUX_SLL2, RAW, IPV4, IPV6, NULL and LOOP");
    return -EINVAL;
}

static int filter_set(struct input *in, struct buf *error)
{
    struct bpf_program program;
    if (in->opts.filter == NULL)
        return 0;
    int rc = pcap_compile(in->pcap, &program, in->opts.filter, 1, PCAP_NETMASK_UNKNOWN);
    if (rc == 0) {
        rc = pcap_setfilter(in->pcap, &program);
        pcap_freecode(&program);
    }
    if (rc == 0)
        return 0;
    buf_printf(error, "--filter %s: %s", in->opts.filter, pcap_geterr(in->pcap));
    return -EINVAL;
}

static void say_damaged(const struct input *in, const char *text, struct buf *error)
{
    buf_printf(error, "%s: %s", in->name, text);
    if (strstr(text, "different from the type") != NULL)
        buf_append_str(error, " (a file of several link types: cut it by `editcap` or `tshark -w`, "
                              "one interface each)");
}

static int pcap_begin(struct input *in, struct buf *error)
{
    char text[PCAP_ERRBUF_SIZE];
    in->pcap = pcap_fopen_offline_with_tstamp_precision(in->file, PCAP_TSTAMP_PRECISION_NANO, text);
    if (in->pcap == NULL) {
        say_damaged(in, text, error);
        return -EINVAL;
    }
    int rc = link_learn(in, error);
    return rc < 0 ? rc : filter_set(in, error);
}

/* Does all that is for us leave the machine?  A client that captures on all its interfaces sees
 * nothing else; a server sees packets that it passes on a second time. */
static bool only_outgoing(const struct input_opts *opts)
{
    struct input_counts counts = { 0 };
    struct input_opts all = *opts;
    struct input_datagram d;
    struct input *in;
    struct buf error = { 0 };
    bool any = false, came = false;
    all.outgoing = true;
    all.counts = &counts;
    if (input_open(&all, &in, &error) == 0) {
        while (!came && input_next(in, &d, &error) == 1) {
            any = true;
            came = !d.outgoing;
        }
        input_close(in);
    }
    buf_release(&error);
    return any && !came;
}

int input_open(const struct input_opts *opts, struct input **ret, struct buf *error)
{
    struct input *in = mem_zalloc(sizeof *in);
    in->opts = *opts;
    int rc = file_open(in, error);
    if (rc == 0)
        rc = pcap_begin(in, error);
    if (rc < 0) {
        input_close(in);
        return rc;
    }
    in->fragments = reassembly_new();
    bool cooked = in->link == FRAME_SLL || in->link == FRAME_SLL2;
    if (cooked && !opts->outgoing && in->bytes > 0 && in->file != stdin)
        in->opts.outgoing = only_outgoing(opts);
    *ret = in;
    return 0;
}

void input_close(struct input *in)
{
    if (in == NULL)
        return;
    if (in->fragments != NULL)
        in->opts.counts->incomplete += reassembly_incomplete(in->fragments);
    if (in->pcap != NULL)
        pcap_close(in->pcap); /* and the file, but for standard input */
    else if (in->file != NULL && in->file != stdin)
        (void)fclose(in->file);
    reassembly_free(in->fragments);
    free(in);
}

/* ---- reading ---- */

static bool skip(struct input *in, enum input_skip why)
{
    in->opts.counts->skipped[why]++;
    return false;
}

static bool skip_frame(struct input *in, enum frame_result why)
{
    assert(why != FRAME_OK);
    return skip(in, why == FRAME_NOT_IP ? INPUT_NOT_IP
                    : why == FRAME_CUT  ? INPUT_TRUNCATED
                                        : INPUT_MALFORMED);
}

static bool is_description(const struct frame_udp *udp)
{
    return udp->to_port == DISCARD_PORT &&
           slice_starts(slice_of((const char *)udp->data, udp->len), SLICE_LIT("statsd-capture "));
}

static bool is_for_us(const struct input *in, const struct frame_udp *udp)
{
    if (in->opts.port != 0)
        return udp->to_port == in->opts.port;
    return in->ours || in->opts.filter != NULL || udp->to_port == INPUT_PORT_USUAL;
}

/* A packet of UDP that is whole.  returns  is it a datagram for us? */
static bool udp_of(struct input *in, const struct frame_ip *ip, bool was_whole,
                   struct input_datagram *ret)
{
    struct frame_udp udp;
    enum frame_result result = frame_udp_read(ip, &udp);
    if (result != FRAME_OK)
        return skip_frame(in, result);
    if (is_description(&udp)) {
        in->ours = true;
        return skip(in, INPUT_DESCRIPTION);
    }
    if (!is_for_us(in, &udp))
        return skip(in, INPUT_OTHER_PORT);
    if (ip->outgoing && !in->opts.outgoing)
        return skip(in, INPUT_OUTGOING);
    if (udp.len < udp.wire_len && (!in->opts.truncated || udp.len == 0))
        return skip(in, INPUT_TRUNCATED);
    if (udp.len == 0)
        return skip(in, INPUT_EMPTY);
    in->opts.counts->datagrams++;
    in->opts.counts->large += was_whole && udp.wire_len > INPUT_LARGE && !frame_to_loopback(ip);
    ret->ptr = (const char *)udp.data;
    ret->len = udp.len;
    ret->outgoing = ip->outgoing;
    return true;
}

/* returns  is it a fragment that made a packet whole? */
static bool put_together(struct input *in, const struct frame_ip *fragment, uint64_t at_ns,
                         struct frame_ip *ret)
{
    switch (reassembly_add(in->fragments, fragment, at_ns, ret)) {
    case REASSEMBLY_WHOLE:
        in->opts.counts->fragments++;
        return true;
    case REASSEMBLY_OPEN:
        in->opts.counts->fragments++;
        return false;
    case REASSEMBLY_DROPPED:
        return skip(in, fragment->len < fragment->wire_len ? INPUT_TRUNCATED : INPUT_OVERLAP);
    case REASSEMBLY_IGNORED:
        break;
    }
    return skip(in, INPUT_REPEATED);
}

static bool datagram_of(struct input *in, const struct pcap_pkthdr *h, const uint8_t *bytes,
                        struct input_datagram *ret)
{
    struct frame_ip ip, whole;
    enum frame_result result = frame_ip_read(in->link, bytes, h->caplen, h->len, &ip);
    if (result != FRAME_OK)
        return skip_frame(in, result);
    if (ip.protocol != IPPROTO_UDP)
        return skip(in, ip.protocol == IPPROTO_TCP ? INPUT_TCP : INPUT_OTHER_PROTOCOL);
    if (!frame_is_fragment(&ip))
        return udp_of(in, &ip, true, ret);
    return put_together(in, &ip, ret->at_ns, &whole) && udp_of(in, &whole, false, ret);
}

int input_next(struct input *in, struct input_datagram *ret, struct buf *error)
{
    struct pcap_pkthdr *h;
    const uint8_t *bytes;
    int rc;
    for (unsigned n = 1; (rc = pcap_next_ex(in->pcap, &h, &bytes)) == 1; n++) {
        /* libpcap has the nanoseconds where a timeval has its microseconds. */
        struct input_datagram d = { .at_ns = (uint64_t)h->ts.tv_sec * UINT64_C(1000000000) +
                                             (uint64_t)h->ts.tv_usec };
        in->opts.counts->packets++;
        if (datagram_of(in, h, bytes, &d)) {
            *ret = d;
            return 1;
        }
        if (n % ASK_EVERY == 0 && !goes_on(in))
            return 0;
    }
    if (rc == PCAP_ERROR_BREAK)
        return 0;
    say_damaged(in, pcap_geterr(in->pcap), error);
    return -EIO;
}

double input_part(const struct input *in)
{
    return in->bytes > 0 ? fmin((double)ftello(in->file) / (double)in->bytes, 1) : NAN;
}
