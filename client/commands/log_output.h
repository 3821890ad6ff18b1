#pragma once

#include "client/cluster/cluster.h"

namespace rdev::commands {

// A log's way to stdout, piece by piece.
class LogOutput final {
 public:
  // It must not outlive this.
  cluster::Cluster::LogSink sink();
  // An error when something could not be written.
  Result<void> written() const;

 private:
  bool good_ = true;
};

}  // namespace rdev::commands
