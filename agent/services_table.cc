#include "agent/services_table.h"

#include <utility>

namespace rdev::agent {
namespace {

using services::SessionKind;

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

sshd::SessionHandler session(services::Sessions& sessions, SessionKind kind) {
  return [&sessions, kind](const sshd::Peer& peer, sshd::SessionStart start,
                           std::unique_ptr<stream::Offer> offer) {
    return sessions.serve(request_of(kind, peer, std::move(start)), std::move(offer));
  };
}

sshd::SessionHandler link(agent_link::Links& links) {
  return [&links](const sshd::Peer& peer, const sshd::SessionStart&,
                  std::unique_ptr<stream::Offer> offer) {
    agent_link::Peer who{.remote_address = peer.remote_address,
                         .key_fingerprint = peer.key_fingerprint};
    return links.serve(std::move(who), std::move(offer));
  };
}

}  // namespace

sshd::Services services_table(services::Sessions& sessions, services::Forwards& forwards,
                              agent_link::Links& links) {
  sshd::Services table;
  table.shell = session(sessions, SessionKind::kShell);
  table.exec = session(sessions, SessionKind::kExec);
  table.subsystems.emplace("sftp", session(sessions, SessionKind::kSftp));
  table.subsystems.emplace("rdev-link", link(links));
  table.direct_tcpip = [&forwards](const sshd::Peer&, const sshd::TcpTarget& target,
                                   std::unique_ptr<stream::Offer> offer) {
    return forwards.serve({.host = target.host, .port = target.port}, std::move(offer));
  };
  return table;
}

}  // namespace rdev::agent
