#include <libssh/libssh.h>

#include "protocol/ssh/algorithms.h"
#include "protocol/ssh/shim.h"
#include "protocol/ssh/transport.h"

namespace rdev::ssh {
namespace {

// Everything is given, so that libssh reads no file and asks for no home directory.
Result<void> set_options(ssh_session session, int fd, const std::string& user) {
  const bool no_config = false;
  const struct {
    ssh_options_e option;
    const void* value;
  } all[] = {
      {SSH_OPTIONS_PROCESS_CONFIG, &no_config},
      {SSH_OPTIONS_SSH_DIR, "/dev/null"},
      {SSH_OPTIONS_KNOWNHOSTS, "/dev/null"},
      {SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null"},
      {SSH_OPTIONS_HOST, "rdev"},  // a name in libssh's messages; the socket is connected
      {SSH_OPTIONS_USER, user.c_str()},
      {SSH_OPTIONS_KEY_EXCHANGE, kKeyExchanges},
      {SSH_OPTIONS_HOSTKEYS, kHostKeys},
      {SSH_OPTIONS_CIPHERS_C_S, kCiphers},
      {SSH_OPTIONS_CIPHERS_S_C, kCiphers},
      {SSH_OPTIONS_HMAC_C_S, kMacs},
      {SSH_OPTIONS_HMAC_S_C, kMacs},
      {SSH_OPTIONS_COMPRESSION, kCompression},
      {SSH_OPTIONS_FD, &fd},
  };
  for (const auto& [option, value] : all) {
    if (ssh_options_set(session, option, value) != SSH_OK) {
      return fail(Code::kUsage, std::string("libssh refuses an option (user name \"") + user +
                                    "\"?): " + ssh_get_error(session));
    }
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<Transport>> Transport::connect(const asio::any_io_executor& executor,
                                                      base::Fd socket, const std::string& user,
                                                      Owner& owner) {
  auto transport = std::make_shared<Transport>(executor, owner);
  if (auto started = transport->start_client(std::move(socket), user); !started) {
    transport->ended_ = started.error();
    return prefix("cannot start SSH", started.error());
  }
  return transport;
}

Result<void> Transport::start_client(base::Fd socket, const std::string& user) {
  hook_.reset(rdev_ssh_hook_new(session_.get(), &Transport::on_packet, this));
  if (!session_ || !hook_) {
    return fail(Code::kLimit, "out of memory");
  }
  const int fd = adopt(std::move(socket));
  if (fd < 0) {
    return fail_errno("dup");
  }
  base::Fd theirs(fd);
  if (auto set = set_options(session_.get(), fd, user); !set) {
    return set;
  }
  static_cast<void>(theirs.release());  // ssh_free closes it from here on
  ssh_set_blocking(session_.get(), 0);
  if (ssh_connect(session_.get()) == SSH_ERROR) {
    return fail(Code::kFailed, ssh_get_error(session_.get()));
  }
  return attach();
}

awaitable<Result<void>> Transport::handshake(const PublicKey& host_key) {
  const auto keep = shared_from_this();
  if (auto exchanged = co_await exchange_keys(); !exchanged) {
    co_return prefix("SSH key exchange", exchanged.error());
  }
  co_return check_host_key(host_key);
}

awaitable<Result<void>> Transport::exchange_keys() {
  while (!ended_) {
    const int rc = ssh_connect(session_.get());
    schedule_pump();
    if (rc == SSH_OK) {
      co_return Result<void>{};
    }
    if (rc == SSH_ERROR) {
      co_return tl::make_unexpected(closing_error());
    }
    co_await progress_.wait();
  }
  co_return tl::make_unexpected(*ended_);
}

Result<void> Transport::check_host_key(const PublicKey& pinned) const {
  ssh_key key = nullptr;
  ssh_get_server_publickey(session_.get(), &key);
  const PublicKey found = public_half_of(key);
  ssh_key_free(key);
  if (found != pinned || pinned.blob().empty()) {
    return fail(Code::kPermission, "the host key is " + found.fingerprint() + " and not " +
                                       pinned.fingerprint() +
                                       ": this is another server, or somebody is in between");
  }
  return {};
}

awaitable<Result<void>> Transport::authenticate(const PrivateKey& user_key) {
  const auto keep = shared_from_this();
  while (!ended_) {
    const int rc = ssh_userauth_publickey(session_.get(), nullptr, user_key.native());
    schedule_pump();
    if (rc == SSH_AUTH_SUCCESS) {
      co_return Result<void>{};
    }
    if (rc == SSH_AUTH_DENIED || rc == SSH_AUTH_PARTIAL) {
      co_return fail(Code::kPermission,
                     "the server refuses the user key " + user_key.public_key().fingerprint());
    }
    if (rc == SSH_AUTH_ERROR) {
      co_return prefix("SSH authentication", closing_error());
    }
    co_await progress_.wait();
  }
  co_return prefix("SSH authentication", *ended_);
}

}  // namespace rdev::ssh
