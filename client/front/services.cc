#include "client/front/services.h"

#include <utility>

#include "protocol/stream/client_variables.h"
#include "protocol/stream/refusal.h"

namespace rdev::front {
namespace {

// One round trip, and the channel is joined to what the agent has opened.
awaitable<void> serve(Joints& joints, StreamRequest request, std::unique_ptr<stream::Offer> offer) {
  auto opened = co_await joints.streams.open(std::move(request));
  if (!opened) {
    co_return offer->refuse(stream::refusal_of(opened.error().code), opened.error().message);
  }
  co_await stream::join(offer->accept(), std::move(opened->stream), joints.passed);
}

sshd::SessionHandler session(Joints& joints, Session::Kind kind) {
  return [&joints, kind](const sshd::Peer& peer, sshd::SessionStart start,
                         std::unique_ptr<stream::Offer> offer) {
    StreamRequest request;
    *request.mutable_session() = session_request(kind, peer, std::move(start));
    return serve(joints, std::move(request), std::move(offer));
  };
}

void add_forwards(sshd::Services& table, Joints& joints) {
  table.direct_tcpip = [&joints](const sshd::Peer&, sshd::TcpTarget target,
                                 std::unique_ptr<stream::Offer> offer) {
    StreamRequest request;
    request.mutable_tcp()->set_host(std::move(target.host));
    request.mutable_tcp()->set_port(target.port);
    return serve(joints, std::move(request), std::move(offer));
  };
  table.direct_streamlocal = [&joints](const sshd::Peer&, std::string path,
                                       std::unique_ptr<stream::Offer> offer) {
    StreamRequest request;
    request.mutable_unix_socket()->set_path(std::move(path));
    return serve(joints, std::move(request), std::move(offer));
  };
  table.listen = [&joints](const sshd::Peer&, sshd::ListenTarget target) {
    return listen(joints, std::move(target));
  };
  table.agent = [&joints](const sshd::Peer& peer, sshd::OpenBack open_back) {
    return lend_agent(joints, peer.user, std::move(open_back));
  };
}

void set_terminal(Terminal& terminal, sshd::Pty pty) {
  terminal.set_term(std::move(pty.term));
  terminal.set_columns(pty.size.columns);
  terminal.set_rows(pty.size.rows);
  terminal.set_width_px(pty.size.width_px);
  terminal.set_height_px(pty.size.height_px);
  terminal.set_modes(std::move(pty.modes));
}

}  // namespace

Session session_request(Session::Kind kind, const sshd::Peer& peer, sshd::SessionStart start) {
  Session session;
  session.set_kind(kind);
  if (kind == Session::COMMAND) {
    session.add_argv(std::move(start.command));
  }
  for (const auto& [name, value] : start.env) {
    session.add_env()->append(name).append("=").append(value);
  }
  if (start.pty) {
    set_terminal(*session.mutable_terminal(), *std::move(start.pty));
  }
  session.set_user(peer.user);
  SshClient& client = *session.mutable_ssh();
  client.set_remote_address(peer.remote_address);
  client.set_local_address(peer.local_address);
  client.set_agent(start.agent);
  return session;
}

sshd::Services services(Joints& joints, std::function<void()> connection_ended) {
  sshd::Services table;
  table.shell = session(joints, Session::SHELL);
  table.exec = session(joints, Session::COMMAND);
  table.subsystems.emplace("sftp", session(joints, Session::SFTP));
  add_forwards(table, joints);
  table.accepts_variable = stream::client_may_set;
  table.connection_ended = std::move(connection_ended);
  return table;
}

}  // namespace rdev::front
