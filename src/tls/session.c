/*
 * A step calls GnuTLS, which calls pull and push for the bytes; result_of makes a result of ours of
 * what it says, with words for the log.  The file's parts: the socket, making, results, handshake,
 * data.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <gnutls/gnutls.h>

#include "base/mem.h"
#include "base/slice.h"
#include "tls/bundle_priv.h"
#include "tls/session.h"
#include "tls/verify.h"

/* A client's certificates with their chain take some KiB; GnuTLS itself would allow 128. */
enum { HANDSHAKE_MESSAGE_MAX = 32768 };

/*
 * Bytes that the peer may send without ending its handshake, and afterwards a record of data.
 * GnuTLS keeps the beginning of a handshake message however long it says to be, 16 MiB at the most.
 */
enum { UNFINISHED_HANDSHAKE_MAX = 49152, UNFINISHED_MAX = 20480 };

/* Records without data (alerts that are no error, keys that change) that one read steps over. */
enum { EMPTY_RECORDS_MAX = 16 };

enum { RECORD_ALERT = 0x15, RECORD_HANDSHAKE = 0x16 };

struct tls_session {
    gnutls_session_t tls;
    struct tls_bundle *bundle;
    char *server_name;
    int fd;
    size_t unfinished, unfinished_max;
    bool spoke_tls; /* the first byte was seen, and began a record of TLS */
    bool ended;     /* the peer's stream did */
    bool answered;  /* something was sent */
    bool unsent;    /* GnuTLS holds a record that the socket did not take */
    bool verified;  /* the peer's certificate is good */
    const char *error;
};

static void session_check(const struct tls_session *s)
{
    assert(s->tls != NULL && s->bundle != NULL && s->fd >= 0);
    assert(s->unfinished_max == UNFINISHED_HANDSHAKE_MAX || s->unfinished_max == UNFINISHED_MAX);
    assert(s->unfinished == 0 || s->spoke_tls); /* GnuTLS gets no byte before the first is known */
    assert(s->answered || !s->unsent);
}

/* --- the socket, as GnuTLS sees it --- */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *p, size_t n)
{
    struct tls_session *s = ptr;
    if (s->unfinished > s->unfinished_max) {
        s->error = "a handshake message has no end";
        errno = EMSGSIZE;
        return -1;
    }
    ssize_t got = recv(s->fd, p, n, MSG_DONTWAIT);
    if (got == 0)
        s->ended = true;
    if (got <= 0)
        return got;
    /* Most who come without TLS are senders of plain lines: GnuTLS would see broken records. */
    unsigned char first = *(unsigned char *)p;
    if (!s->spoke_tls && first != RECORD_HANDSHAKE && first != RECORD_ALERT) {
        s->error = "plain text instead of TLS";
        errno = EPROTO;
        return -1;
    }
    s->spoke_tls = true;
    s->unfinished += (size_t)got;
    return got;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *iov, int n)
{
    struct tls_session *s = ptr;
    struct iovec copy[8];
    struct msghdr m = { .msg_iov = copy };
    for (; m.msg_iovlen < (size_t)n && m.msg_iovlen < ARRAY_LEN(copy); m.msg_iovlen++)
        copy[m.msg_iovlen] = iov[m.msg_iovlen];
    s->answered = true;
    return sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Bytes may be there: pull will say. */
static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
    (void)ptr;
    (void)ms;
    return 1;
}

/* --- making --- */

static bool is_ip(const char *host)
{
    unsigned char ip[16];
    return inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
}

/* GnuTLS asks inside the handshake, when the peer has sent its certificates. */
static int verify(gnutls_session_t tls)
{
    struct tls_session *s = gnutls_session_get_ptr(tls);
    unsigned n = 0;
    if (s->verified || gnutls_certificate_get_peers(tls, &n) == NULL)
        return 0; /* without one only TLS 1.2 asks, and whether that is fine GnuTLS knows */
    s->error = verify_peer(tls, s->bundle, s->server_name);
    s->verified = s->error == NULL;
    return s->verified ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/*
 * The peer has signed with its key.  In TLS 1.3 GnuTLS would check that before it asks for verify,
 * and a stranger's key may be as large as he likes: 16,384 bits take half a second, more take many.
 */
static int before_signature(gnutls_session_t tls, unsigned type, unsigned when, unsigned incoming,
                            const gnutls_datum_t *message)
{
    (void)type;
    (void)when;
    (void)message;
    return incoming ? verify(tls) : 0;
}

static int setup(struct tls_session *s)
{
    static const gnutls_certificate_request_t requests[] = {
        [TLS_CLIENT_NONE] = GNUTLS_CERT_IGNORE,
        [TLS_CLIENT_REQUEST] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_REQUIRE_ANY] = GNUTLS_CERT_REQUIRE,
        [TLS_CLIENT_VERIFY_IF_GIVEN] = GNUTLS_CERT_REQUEST,
        [TLS_CLIENT_REQUIRE_VERIFY] = GNUTLS_CERT_REQUIRE,
    };
    const struct tls_bundle *b = s->bundle;
    int rc = gnutls_priority_set(s->tls, b->priority);
    if (rc == 0)
        rc = gnutls_credentials_set(s->tls, GNUTLS_CRD_CERTIFICATE, b->credentials);
    if (rc == 0 && s->server_name != NULL && !is_ip(s->server_name))
        rc =
            gnutls_server_name_set(s->tls, GNUTLS_NAME_DNS, s->server_name, strlen(s->server_name));
    if (b->side == TLS_SERVER)
        gnutls_certificate_server_set_request(s->tls, requests[b->client_auth]);
    gnutls_session_set_ptr(s->tls, s);
    gnutls_session_set_verify_function(s->tls, verify);
    gnutls_handshake_set_hook_function(s->tls, GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY, GNUTLS_HOOK_PRE,
                                       before_signature);
    gnutls_transport_set_ptr(s->tls, s);
    gnutls_transport_set_pull_function(s->tls, pull);
    gnutls_transport_set_pull_timeout_function(s->tls, pull_timeout);
    gnutls_transport_set_vec_push_function(s->tls, push);
    gnutls_handshake_set_max_packet_length(s->tls, HANDSHAKE_MESSAGE_MAX);
    gnutls_handshake_set_timeout(s->tls, 0); /* the caller has a deadline */
    return rc;
}

struct tls_session *tls_session_new(struct tls_bundle *b, int fd, const char *server_name)
{
    /* FORCE: a client sends its certificate whichever CAs the server names, as OpenSSL does. */
    unsigned flags =
        GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS | GNUTLS_FORCE_CLIENT_CERT;
    struct tls_session *s = mem_zalloc(sizeof *s);
    assert(server_name == NULL || b->side == TLS_CLIENT);
    s->bundle = tls_bundle_ref(b);
    s->fd = fd;
    s->unfinished_max = UNFINISHED_HANDSHAKE_MAX;
    s->server_name = server_name != NULL ? mem_strdup(server_name) : NULL;
    if (gnutls_init(&s->tls, flags | (b->side == TLS_SERVER ? GNUTLS_SERVER : GNUTLS_CLIENT)) ==
        0) {
        if (setup(s) == 0)
            return s;
    } else {
        s->tls = NULL;
    }
    tls_session_free(s);
    return NULL;
}

void tls_session_free(struct tls_session *s)
{
    if (s == NULL)
        return;
    if (s->tls != NULL)
        gnutls_deinit(s->tls);
    tls_bundle_drop(s->bundle);
    free(s->server_name);
    free(s);
}

bool tls_session_answered(const struct tls_session *s)
{
    return s->answered &&
           gnutls_handshake_get_last_out(s->tls) != GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST;
}

const char *tls_session_error(const struct tls_session *s)
{
    return s->error != NULL ? s->error : "";
}

/* --- results --- */

/* What the peer said when it refused us. */
static const char *alert_text(gnutls_alert_description_t alert)
{
    switch (alert) {
    case GNUTLS_A_UNKNOWN_CA:
        return "the peer does not know the CA of our certificate";
    case GNUTLS_A_BAD_CERTIFICATE:
    case GNUTLS_A_CERTIFICATE_UNKNOWN:
    case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
        return "the peer refused our certificate";
    case GNUTLS_A_CERTIFICATE_EXPIRED:
        return "the peer says that our certificate has expired";
    case GNUTLS_A_CERTIFICATE_REQUIRED:
        return "the peer wants a certificate from us";
    case GNUTLS_A_PROTOCOL_VERSION:
        return "the peer has no TLS version in common";
    case GNUTLS_A_HANDSHAKE_FAILURE:
    case GNUTLS_A_INSUFFICIENT_SECURITY:
        return "the peer has no cipher in common, or refused our certificate";
    default:
        return "the peer refused by an alert";
    }
}

/* clang-format off */
static const struct { int error; const char *text; } errors[] = {
    { GNUTLS_E_NO_CIPHER_SUITES,          "no cipher in common" },
    { GNUTLS_E_UNSUPPORTED_VERSION_PACKET, "no TLS version in common" },
    { GNUTLS_E_NO_COMMON_KEY_SHARE,       "no curve in common" },
    { GNUTLS_E_UNWANTED_ALGORITHM,        "no signature algorithm in common" },
    { GNUTLS_E_INCOMPATIBLE_SIG_WITH_KEY, "no signature algorithm in common" },
    { GNUTLS_E_NO_CERTIFICATE_FOUND,      "the peer sent no certificate" },
    { GNUTLS_E_CERTIFICATE_REQUIRED,      "the peer sent no certificate" },
    { GNUTLS_E_CERTIFICATE_ERROR,         "the peer's certificate does not verify" },
    { GNUTLS_E_PREMATURE_TERMINATION,     "the peer closed the connection in the handshake" },
    { GNUTLS_E_PULL_ERROR,                "the connection was reset" },
    { GNUTLS_E_PUSH_ERROR,                "the connection was reset" },
    { GNUTLS_E_SESSION_EOF,               "the peer closed the connection in the handshake" },
    { GNUTLS_E_UNEXPECTED_PACKET_LENGTH,  "broken TLS record" },
    { GNUTLS_E_RECORD_OVERFLOW,           "broken TLS record" },
    { GNUTLS_E_DECRYPTION_FAILED,         "a record was changed on its way" },
    { GNUTLS_E_HANDSHAKE_TOO_LARGE,       "a handshake message is too large" },
    { GNUTLS_E_REHANDSHAKE,               "the peer wants another handshake" },
    { GNUTLS_E_MEMORY_ERROR,              "out of memory" },
};
/* clang-format on */

/* GnuTLS says "no cipher" also where the version in the hello is one that we do not take. */
static bool is_version_of_ours(const struct tls_session *s)
{
    const unsigned *list;
    int n = gnutls_priority_protocol_list(s->bundle->priority, &list);
    for (int i = 0; i < n; i++) {
        if (list[i] == (unsigned)gnutls_protocol_get_version(s->tls))
            return true;
    }
    return false;
}

/* What GnuTLS puts less precisely. */
static int precisely(const struct tls_session *s, int rc)
{
    if (rc == GNUTLS_E_UNEXPECTED_PACKET_LENGTH && s->ended)
        return GNUTLS_E_PREMATURE_TERMINATION;
    if (rc == GNUTLS_E_NO_CIPHER_SUITES && !is_version_of_ours(s))
        return GNUTLS_E_UNSUPPORTED_VERSION_PACKET;
    return rc;
}

static const char *text_of(const struct tls_session *s, int rc)
{
    if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return alert_text(gnutls_alert_get(s->tls));
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (errors[i].error == rc)
            return errors[i].text;
    }
    return gnutls_strerror(rc);
}

/* rc is less than 0. */
static enum tls_result result_of(struct tls_session *s, int rc)
{
    if (rc == GNUTLS_E_AGAIN)
        return gnutls_record_get_direction(s->tls) == 1 ? TLS_WANT_WRITE : TLS_WANT_READ;
    if (s->error == NULL) /* else pull or verify knew better */
        s->error = text_of(s, rc);
    return TLS_FAILED;
}

/* Does GnuTLS want to be called again at once? */
static bool goes_on(int rc)
{
    return rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED;
}

/* --- handshake --- */

/* The names are checked by verify, which has nothing to say without a certificate. */
static bool lacks_certificate(const struct tls_session *s)
{
    unsigned n = 0;
    return s->bundle->n_allowed_sans > 0 && gnutls_certificate_get_peers(s->tls, &n) == NULL;
}

enum tls_result tls_session_handshake(struct tls_session *s)
{
    int rc = GNUTLS_E_INTERRUPTED;
    session_check(s);
    for (int i = 0; goes_on(rc) && i < EMPTY_RECORDS_MAX; i++)
        rc = gnutls_handshake(s->tls);
    if (rc == 0 && s->bundle->side == TLS_SERVER && lacks_certificate(s))
        rc = GNUTLS_E_CERTIFICATE_REQUIRED;
    if (rc == 0) {
        s->unfinished = 0;
        s->unfinished_max = UNFINISHED_MAX;
        return TLS_DONE;
    }
    rc = precisely(s, rc);
    if (rc == GNUTLS_E_PREMATURE_TERMINATION && !s->spoke_tls)
        return TLS_CUT;
    enum tls_result result = result_of(s, rc);
    if (result == TLS_FAILED && s->spoke_tls && rc != GNUTLS_E_FATAL_ALERT_RECEIVED)
        (void)gnutls_alert_send_appropriate(s->tls, rc);
    return result;
}

/* --- data --- */

enum tls_result tls_session_read(struct tls_session *s, void *p, size_t room, size_t *ret_n)
{
    ssize_t rc = GNUTLS_E_INTERRUPTED;
    session_check(s);
    assert(room > 0);
    for (int i = 0; goes_on((int)rc) && i < EMPTY_RECORDS_MAX; i++)
        rc = gnutls_record_recv(s->tls, p, room);
    if (rc > 0) {
        assert((size_t)rc <= room);
        *ret_n = (size_t)rc;
        s->unfinished = 0;
        return TLS_DONE;
    }
    if (rc == 0)
        return TLS_CLOSED;
    if (precisely(s, (int)rc) == GNUTLS_E_PREMATURE_TERMINATION)
        return TLS_CUT;
    return result_of(s, (int)rc);
}

enum tls_result tls_session_write(struct tls_session *s, const void *p, size_t n, size_t *ret_n)
{
    ssize_t rc;
    session_check(s);
    assert(n > 0);
    do
        rc = s->unsent ? gnutls_record_send(s->tls, NULL, 0) : gnutls_record_send(s->tls, p, n);
    while (rc == GNUTLS_E_INTERRUPTED);
    s->unsent = rc == GNUTLS_E_AGAIN;
    if (rc < 0)
        return result_of(s, (int)rc);
    *ret_n = (size_t)rc;
    return TLS_DONE;
}

size_t tls_session_pending(const struct tls_session *s)
{
    return gnutls_record_check_pending(s->tls);
}

enum tls_result tls_session_bye(struct tls_session *s)
{
    int rc = gnutls_bye(s->tls, GNUTLS_SHUT_WR);
    return rc == 0 ? TLS_DONE : rc == GNUTLS_E_INTERRUPTED ? TLS_WANT_WRITE : result_of(s, rc);
}
