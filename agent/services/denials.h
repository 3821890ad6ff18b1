#pragma once

namespace rdev::services {

// What the job's configuration refuses to everybody, over SSH and over the link. It keeps honest
// people from mistakes: who may run commands can still forward by hand.
struct Denials {
  bool local_tcp = false;     // connections to TCP servers that the job can reach
  bool remote_tcp = false;    // listening on TCP ports of the job
  bool unix_sockets = false;  // both, for unix sockets
  bool agent = false;         // lending an authentication agent to the job
};

}  // namespace rdev::services
