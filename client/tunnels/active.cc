#include "client/tunnels/active.h"

#include "client/tunnels/spec.h"
#include "protocol/base/log.h"

namespace rdev::tunnels {

TunnelState Ledger::state() const {
  TunnelState state;
  *state.mutable_tunnel() = tunnel;
  state.set_bound_port(bound_port);
  state.set_problem(problem);
  state.set_connections(traffic.connections);
  state.set_bytes_in(traffic.in);
  state.set_bytes_out(traffic.out);
  state.set_refused(traffic.refused);
  state.set_last_refusal(traffic.last_refusal);
  return state;
}

std::string Ledger::text() const { return describe(tunnel, bound_port, job); }

void Ledger::opened(std::uint32_t port) {
  bound_port = port;
  if (tunnel.listen_port() == 0) {
    tunnel.set_listen_port(port);
  }
  problem.clear();
  base::log_info("listening", {{"tunnel", text()}});
}

void Ledger::failed(const Error& why) {
  if (problem != why.message) {
    base::log_warning("not listening", {{"tunnel", text()}, {"reason", why.message}});
  }
  bound_port = 0;
  problem = why.message;
}

void Ledger::refused(const Error& why) {
  ++traffic.refused;
  // One line for each reason: a browser may try for ever.
  if (traffic.last_refusal != why.message) {
    base::log_warning("a connection was refused", {{"tunnel", text()}, {"reason", why.message}});
  }
  traffic.last_refusal = why.message;
}

}  // namespace rdev::tunnels
