#include "agent/services_table.h"

#include <chrono>
#include <utility>

#include "protocol/base/with_timeout.h"
#include "protocol/stream/client_variables.h"

namespace rdev::agent {
namespace {

using services::SessionKind;

constexpr std::chrono::seconds kBindLimit{3};

services::SessionRequest request_of(SessionKind kind, const sshd::Peer& peer,
                                    sshd::SessionStart start) {
  services::SessionRequest request{.kind = kind,
                                   .command = std::move(start.command),
                                   .env = std::move(start.env),
                                   .user = peer.user,
                                   .remote_address = peer.remote_address,
                                   .local_address = peer.local_address};
  if (start.pty) {
    request.terminal = services::TerminalRequest{.term = std::move(start.pty->term),
                                                 .size = start.pty->size,
                                                 .modes = std::move(start.pty->modes)};
  }
  return request;
}

sshd::SessionHandler session(const SshServices& services, SessionKind kind) {
  return [services, kind](const sshd::Peer& peer, sshd::SessionStart start,
                          std::unique_ptr<stream::Offer> offer) {
    const bool agent = start.agent;
    auto request = request_of(kind, peer, std::move(start));
    if (agent) {
      request.agent_socket = services.agents.path(peer.user).value_or("");
    }
    return services.tidy.after(services.sessions.serve(std::move(request), std::move(offer)));
  };
}

// What comes is read at once: its streams' own windows bound what is kept. As the client's.
constexpr std::uint32_t kLinkWindow = 64U << 20U;

sshd::SessionHandler link(agent_link::Links& links) {
  return [&links](const sshd::Peer& peer, const sshd::SessionStart&,
                  std::unique_ptr<stream::Offer> offer) {
    agent_link::Peer who{.remote_address = peer.remote_address,
                         .key_fingerprint = peer.key_fingerprint};
    return links.serve(std::move(who), std::move(offer));
  };
}

services::OpenBack open_back(sshd::OpenBack open) {
  return [open = std::move(open)](services::Originator from) {
    return open({.host = std::move(from.host), .port = from.port});
  };
}

awaitable<Result<std::shared_ptr<void>>> lend(services::AgentForwards& agents, std::string user,
                                              sshd::OpenBack open) {
  co_return agents.lend(user, open_back(std::move(open)));
}

class Listening final : public sshd::Listening {
 public:
  Listening(services::Listeners& listeners, services::Bound bound)
      : listeners_(listeners), bound_(std::move(bound)) {}
  std::uint16_t port() const override { return bound_.port; }
  awaitable<void> accept(sshd::OpenBack open) override {
    return listeners_.accept(bound_, open_back(std::move(open)));
  }

 private:
  services::Listeners& listeners_;
  const services::Bound bound_;
};

// RFC 4254 section 7.1, as sshd does it with GatewayPorts=clientspecified: "" is every address, as
// "*" is; `ssh -R PORT:…` asks for "localhost".
awaitable<Result<std::unique_ptr<sshd::Listening>>> listen(services::Listeners& listeners,
                                                           sshd::ListenTarget target) {
  const bool everywhere = target.path.empty() && target.host.empty();
  services::ListenTarget where{.host = everywhere ? "*" : std::move(target.host),
                               .port = target.port,
                               .path = std::move(target.path)};
  auto bound = co_await base::with_timeout(listeners.bind(std::move(where)), kBindLimit,
                                           "looking up where to listen");
  if (!bound) {
    co_return tl::make_unexpected(bound.error());
  }
  co_return std::make_unique<Listening>(listeners, *std::move(bound));
}

void add_forwards(sshd::Services& table, const SshServices& services) {
  table.direct_tcpip = [&forwards = services.forwards](const sshd::Peer&,
                                                       const sshd::TcpTarget& target,
                                                       std::unique_ptr<stream::Offer> offer) {
    return forwards.serve({.host = target.host, .port = target.port}, std::move(offer));
  };
  table.direct_streamlocal = [&forwards = services.forwards](const sshd::Peer&, std::string path,
                                                             std::unique_ptr<stream::Offer> offer) {
    return forwards.serve_unix(std::move(path), std::move(offer));
  };
  table.listen = [&listeners = services.listeners](const sshd::Peer&, sshd::ListenTarget target) {
    return listen(listeners, std::move(target));
  };
  table.agent = [&agents = services.agents](const sshd::Peer& peer, sshd::OpenBack open) {
    return lend(agents, peer.user, std::move(open));
  };
}

}  // namespace

sshd::Services services_table(SshServices services) {
  sshd::Services table;
  table.shell = session(services, SessionKind::kShell);
  table.exec = session(services, SessionKind::kExec);
  table.subsystems.emplace("sftp", session(services, SessionKind::kSftp));
  table.subsystems.emplace("rdev-link", link(services.links));
  table.windows.emplace("rdev-link", kLinkWindow);
  add_forwards(table, services);
  table.accepts_variable = stream::client_may_set;
  table.connection_ended = [&tidy = services.tidy] { tidy.soon(); };
  return table;
}

}  // namespace rdev::agent
