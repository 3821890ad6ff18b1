#pragma once

/* The only door to libssh's private parts. shim.c is compiled against the headers of the very build
 * that it is linked with, so the layouts cannot diverge. */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ssh_session_struct;
struct rdev_ssh_hook;

/* A packet of type 80..100 (the connection protocol) or 50 (an authentication request) has come in;
 * `payload` excludes the type byte and is valid during the call. Nothing of the session may be
 * freed inside. */
typedef void (*rdev_ssh_on_packet)(void* user, uint8_t type, const uint8_t* payload, size_t size);

/* Puts `on_packet` before libssh's own handlers: those never see types 80..100, while 50 goes on to
 * them afterwards. Call it before the first packet; free the hook after ssh_free. NULL: no memory.
 */
struct rdev_ssh_hook* rdev_ssh_hook_new(struct ssh_session_struct* session,
                                        rdev_ssh_on_packet on_packet, void* user);
void rdev_ssh_hook_free(struct rdev_ssh_hook* hook);

/* Encrypts and queues one packet (head[0] is its type). During a key exchange libssh keeps it until
 * that is over. 0, or -1 when the session is dead. */
int rdev_ssh_send(struct ssh_session_struct* session, const void* head, size_t head_size,
                  const void* body, size_t body_size);

/* Whether authentication is over. From then on the socket is read and written by the next two, and
 * not by libssh's polling, which costs several system calls a packet. */
int rdev_ssh_authenticated(struct ssh_session_struct* session);
/* One read of the socket, and what follows from it. Bytes read: fewer than kRdevSshReadBytes when
 * there was no more. */
size_t rdev_ssh_receive(struct rdev_ssh_hook* hook, struct ssh_session_struct* session);
/* Writes what waits, as far as the socket takes it. */
void rdev_ssh_flush(struct ssh_session_struct* session);
enum { kRdevSshReadBytes = RDEV_SSH_READ_BYTES };

/* Encrypted bytes that wait for the socket; what waits for a key exchange is not counted. */
size_t rdev_ssh_waiting(struct ssh_session_struct* session);
/* Whether a key exchange is going on: packets sent now wait for its end. */
int rdev_ssh_exchanging_keys(struct ssh_session_struct* session);
/* Whether nothing more can come from or go to the peer. */
int rdev_ssh_dead(struct ssh_session_struct* session);
/* What the peer's SSH_MSG_DISCONNECT said, or NULL. */
const char* rdev_ssh_goodbye(struct ssh_session_struct* session);

#ifdef __cplusplus
}
#endif
