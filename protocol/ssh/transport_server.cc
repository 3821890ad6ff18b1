#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "protocol/ssh/algorithms.h"
#include "protocol/ssh/shim.h"
#include "protocol/ssh/transport.h"

namespace rdev::ssh {
namespace {

struct FreeBind {
  void operator()(ssh_bind bind) const { ssh_bind_free(bind); }
};

// For libssh a bind is only a bag of options: nothing listens and no file is read.
Result<void> set_options(ssh_bind bind, const Transport::ServerOptions& options) {
  const bool no_config = false;
  const bool local = options.clients == Clients::kOnThisMachine;
  ssh_key key = ssh_key_dup(options.host_key.native());
  const struct {
    ssh_bind_options_e option;
    const void* value;
  } all[] = {
      {SSH_BIND_OPTIONS_PROCESS_CONFIG, &no_config},
      {SSH_BIND_OPTIONS_BANNER, options.software.c_str()},
      {SSH_BIND_OPTIONS_KEY_EXCHANGE, local ? kLocalKeyExchanges : kKeyExchanges},
      {SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, kHostKeys},
      {SSH_BIND_OPTIONS_CIPHERS_C_S, kCiphers},
      {SSH_BIND_OPTIONS_CIPHERS_S_C, kCiphers},
      {SSH_BIND_OPTIONS_HMAC_C_S, kMacs},
      {SSH_BIND_OPTIONS_HMAC_S_C, kMacs},
      {SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES, kUserKeys},
      {SSH_BIND_OPTIONS_RSA_MIN_SIZE, &kRsaMinBits},
      {SSH_BIND_OPTIONS_IMPORT_KEY, key},  // takes the key
  };
  for (const auto& [option, value] : all) {
    if (ssh_bind_options_set(bind, option, value) != SSH_OK) {
      return fail(Code::kFailed, std::string("libssh refuses an option: ") + ssh_get_error(bind));
    }
  }
  return {};
}

// libssh has these on sessions only.
Result<void> set_rekey(ssh_session session, const Transport::Rekey& rekey) {
  const auto seconds = static_cast<std::uint32_t>(rekey.time.count());
  if (ssh_options_set(session, SSH_OPTIONS_REKEY_DATA, &rekey.bytes) != SSH_OK ||
      ssh_options_set(session, SSH_OPTIONS_REKEY_TIME, &seconds) != SSH_OK) {
    return fail(Code::kFailed, std::string("libssh refuses an option: ") + ssh_get_error(session));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<Transport>> Transport::serve(const asio::any_io_executor& executor,
                                                    base::Fd socket, const ServerOptions& options,
                                                    Owner& owner) {
  auto transport = std::make_shared<Transport>(executor, owner);
  if (auto started = transport->start_server(std::move(socket), options); !started) {
    transport->ended_ = started.error();
    return prefix("cannot serve SSH", started.error());
  }
  return transport;
}

Result<void> Transport::start_server(base::Fd socket, const ServerOptions& options) {
  const std::unique_ptr<ssh_bind_struct, FreeBind> bind(ssh_bind_new());
  hook_.reset(rdev_ssh_hook_new(session_.get(), &Transport::on_packet, this));
  if (!session_ || !bind || !hook_) {
    return fail(Code::kLimit, "out of memory");
  }
  if (auto set = set_options(bind.get(), options); !set) {
    return set;
  }
  const int fd = adopt(std::move(socket));
  if (fd < 0) {
    return fail_errno("dup");
  }
  ssh_set_blocking(session_.get(), 0);
  if (ssh_bind_accept_fd(bind.get(), session_.get(), fd) != SSH_OK) {
    return fail(Code::kFailed, ssh_get_error(bind.get()));
  }
  if (auto set = set_rekey(session_.get(), options.rekey); !set) {
    return set;
  }
  const auto callbacks = std::make_shared<ssh_server_callbacks_struct>();
  callbacks->userdata = this;
  callbacks->auth_pubkey_function = &Transport::on_public_key;
  ssh_callbacks_init(callbacks.get());
  server_callbacks_ = callbacks;
  ssh_set_server_callbacks(session_.get(), callbacks.get());
  ssh_set_auth_methods(session_.get(), SSH_AUTH_METHOD_PUBLICKEY);
  if (ssh_handle_key_exchange(session_.get()) == SSH_ERROR) {
    return fail(Code::kFailed, ssh_get_error(session_.get()));
  }
  return attach();
}

int Transport::on_public_key(ssh_session, const char* user, ssh_key key, char signature_state,
                             void* self) noexcept {
  const auto& transport = *static_cast<Transport*>(self);
  const bool verified = signature_state == SSH_PUBLICKEY_STATE_VALID;
  if (transport.owner_ == nullptr || transport.ending_ ||
      (!verified && signature_state != SSH_PUBLICKEY_STATE_NONE)) {
    return SSH_AUTH_DENIED;
  }
  const PublicKey offered = public_half_of(key);
  const Proof proof = verified ? Proof::kVerified : Proof::kNone;
  return !offered.blob().empty() && transport.owner_->may_login(user, offered, proof)
             ? SSH_AUTH_SUCCESS
             : SSH_AUTH_DENIED;
}

}  // namespace rdev::ssh
