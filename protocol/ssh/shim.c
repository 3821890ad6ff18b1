#include "protocol/ssh/shim.h"

#include <poll.h>
#include <stdlib.h>

#include "config.h"
#include "libssh/buffer.h"
#include "libssh/callbacks.h"
#include "libssh/packet.h"
#include "libssh/poll.h"
#include "libssh/priv.h"
#include "libssh/session.h"
#include "libssh/socket.h"

enum { kFirst = 50, kLast = 100, kFirstConnection = 80 };

struct rdev_ssh_hook {
  struct ssh_packet_callbacks_struct callbacks;
  rdev_ssh_on_packet on_packet;
  void* user;
  struct ssh_counter_struct read;
  ssh_packet_callback table[kLast - kFirst + 1];
};

static int on_packet(ssh_session session, uint8_t type, ssh_buffer packet, void* user) {
  const struct rdev_ssh_hook* hook = user;
  (void)session;
  hook->on_packet(hook->user, type, ssh_buffer_get(packet), ssh_buffer_get_len(packet));
  return type >= kFirstConnection ? SSH_PACKET_USED : SSH_PACKET_NOT_USED;
}

struct rdev_ssh_hook* rdev_ssh_hook_new(ssh_session session, rdev_ssh_on_packet callback,
                                        void* user) {
  struct rdev_ssh_hook* hook = calloc(1, sizeof *hook);
  if (hook == NULL) {
    return NULL;
  }
  hook->on_packet = callback;
  hook->user = user;
  hook->table[0] = on_packet;
  for (int type = kFirstConnection; type <= kLast; ++type) {
    hook->table[type - kFirst] = on_packet;
  }
  hook->callbacks.start = kFirst;
  hook->callbacks.n_callbacks = kLast - kFirst + 1;
  hook->callbacks.callbacks = hook->table;
  hook->callbacks.user = hook;
  ssh_packet_set_callbacks(session, &hook->callbacks);
  ssh_set_counters(session, &hook->read, NULL);
  return hook;
}

void rdev_ssh_hook_free(struct rdev_ssh_hook* hook) { free(hook); }

int rdev_ssh_send(ssh_session session, const void* head, size_t head_size, const void* body,
                  size_t body_size) {
  if (rdev_ssh_dead(session)) {
    return -1;
  }
  if (ssh_buffer_add_data(session->out_buffer, head, (uint32_t)head_size) < 0 ||
      (body_size > 0 && ssh_buffer_add_data(session->out_buffer, body, (uint32_t)body_size) < 0)) {
    ssh_buffer_reinit(session->out_buffer);
    return -1;
  }
  return ssh_packet_send(session) == SSH_ERROR ? -1 : 0;
}

int rdev_ssh_authenticated(ssh_session session) {
  return (session->flags & SSH_SESSION_FLAG_AUTHENTICATED) != 0;
}

static void on_ready(ssh_session session, int events) {
  ssh_socket_pollcallback(ssh_socket_get_poll_handle(session->socket),
                          ssh_socket_get_fd(session->socket), events, session->socket);
}

size_t rdev_ssh_receive(struct rdev_ssh_hook* hook, ssh_session session) {
  const uint64_t before = hook->read.in_bytes;
  on_ready(session, POLLIN);
  return (size_t)(hook->read.in_bytes - before);
}

void rdev_ssh_flush(ssh_session session) {
  if (rdev_ssh_waiting(session) > 0) {
    on_ready(session, POLLOUT);
  }
}

size_t rdev_ssh_waiting(ssh_session session) {
  return (size_t)ssh_socket_buffered_write_bytes(session->socket);
}

int rdev_ssh_exchanging_keys(ssh_session session) {
  return session->dh_handshake_state != DH_STATE_FINISHED;
}

int rdev_ssh_dead(ssh_session session) {
  return session->session_state == SSH_SESSION_STATE_ERROR ||
         session->session_state == SSH_SESSION_STATE_DISCONNECTED || !session->alive ||
         !ssh_socket_is_open(session->socket);
}

const char* rdev_ssh_goodbye(ssh_session session) { return session->peer_discon_msg; }
