#include "protocol/ssh/jump.h"

#include <libssh/libssh.h>

#include <memory>

namespace rdev::ssh {
namespace {

constexpr long kConnectLimit = 10;  // seconds
constexpr int kPollMs = 60000;

struct Delete {
  void operator()(ssh_session session) const {
    ::ssh_disconnect(session);
    ::ssh_free(session);
  }
  void operator()(ssh_channel channel) const { ::ssh_channel_free(channel); }
  void operator()(ssh_event event) const { ::ssh_event_free(event); }
  void operator()(ssh_connector connector) const { ::ssh_connector_free(connector); }
  void operator()(ssh_key key) const { ::ssh_key_free(key); }
};
template <class T>
using Owned = std::unique_ptr<std::remove_pointer_t<T>, Delete>;

tl::unexpected<Error> refused(Code code, const std::string& what, ssh_session session) {
  return fail(code, what + ": " + ::ssh_get_error(session));
}

std::string fingerprint(ssh_session session) {
  ssh_key raw = nullptr;
  unsigned char* hash = nullptr;
  std::size_t size = 0;
  if (::ssh_get_server_publickey(session, &raw) != SSH_OK) {
    return "(unknown)";
  }
  const Owned<ssh_key> key(raw);
  if (::ssh_get_publickey_hash(raw, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0) {
    return "(unknown)";
  }
  char* text = ::ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
  std::string copy = text == nullptr ? "(unknown)" : text;
  ::ssh_string_free_char(text);
  ::ssh_clean_pubkey_hash(&hash);
  return copy;
}

Result<void> check_host_key(ssh_session session, const Jump& jump) {
  const auto known = ::ssh_session_is_known_server(session);
  if (known == SSH_KNOWN_HOSTS_OK) {
    return {};
  }
  const std::string key = jump.host + " shows the host key " + fingerprint(session);
  switch (known) {
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER:
      return fail(Code::kPermission, "Host key verification failed: " + key +
                                         ", and ~/.ssh/known_hosts has another one for it");
    case SSH_KNOWN_HOSTS_UNKNOWN:
    case SSH_KNOWN_HOSTS_NOT_FOUND:
      return fail(Code::kPermission, "Host key verification failed: " + key +
                                         ", which is not in ~/.ssh/known_hosts: put it there");
    default:
      return refused(Code::kFailed, "Host key verification failed", session);
  }
}

Result<void> log_in(ssh_session session, const Jump& jump) {
  if (::ssh_connect(session) != SSH_OK) {
    return refused(Code::kUnavailable, "cannot connect to " + jump.host, session);
  }
  if (auto known = check_host_key(session, jump); !known) {
    return known;
  }
  if (::ssh_userauth_publickey_auto(session, nullptr, nullptr) != SSH_AUTH_SUCCESS) {
    return fail(Code::kPermission,
                "Permission denied: " + jump.host +
                    " takes none of the keys of your agent, ~/.ssh/config and ~/.ssh");
  }
  return {};
}

Result<void> join(ssh_session session, ssh_channel channel, int in, int out) {
  const Owned<ssh_event> event(::ssh_event_new());
  const Owned<ssh_connector> up(::ssh_connector_new(session));
  const Owned<ssh_connector> down(::ssh_connector_new(session));
  if (!event || !up || !down) {
    return fail(Code::kFailed, "libssh: out of memory");
  }
  ::ssh_connector_set_in_fd(up.get(), in);
  ::ssh_connector_set_out_channel(up.get(), channel, SSH_CONNECTOR_STDINOUT);
  ::ssh_connector_set_in_channel(down.get(), channel, SSH_CONNECTOR_STDINOUT);
  ::ssh_connector_set_out_fd(down.get(), out);
  ::ssh_event_add_connector(event.get(), up.get());
  ::ssh_event_add_connector(event.get(), down.get());
  while (::ssh_channel_is_open(channel) != 0 &&
         ::ssh_event_dopoll(event.get(), kPollMs) != SSH_ERROR) {
  }
  ::ssh_event_remove_connector(event.get(), up.get());
  ::ssh_event_remove_connector(event.get(), down.get());
  return {};
}

}  // namespace

Result<void> jump(const Jump& jump, int in, int out) {
  const Owned<ssh_session> session(::ssh_new());
  if (!session) {
    return fail(Code::kFailed, "libssh: out of memory");
  }
  const std::pair<ssh_options_e, const std::string*> options[] = {
      {SSH_OPTIONS_HOST, &jump.host},
      {SSH_OPTIONS_PORT_STR, &jump.port},
      {SSH_OPTIONS_USER, &jump.user}};
  for (const auto& [option, value] : options) {
    if (!value->empty() && ::ssh_options_set(session.get(), option, value->c_str()) != SSH_OK) {
      return refused(Code::kUsage, "the jump host", session.get());
    }
  }
  ::ssh_options_set(session.get(), SSH_OPTIONS_TIMEOUT, &kConnectLimit);
  if (auto done = log_in(session.get(), jump); !done) {
    return done;
  }
  const Owned<ssh_channel> channel(::ssh_channel_new(session.get()));
  if (!channel || ::ssh_channel_open_forward(channel.get(), jump.target_host.c_str(),
                                             jump.target_port, "127.0.0.1", 0) != SSH_OK) {
    return refused(Code::kUnavailable,
                   jump.host + " does not connect to " + jump.target_host + " port " +
                       std::to_string(jump.target_port),
                   session.get());
  }
  return join(session.get(), channel.get(), in, out);
}

}  // namespace rdev::ssh
