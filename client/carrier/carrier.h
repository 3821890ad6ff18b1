#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/carrier/child.h"
#include "protocol/base/fd.h"

namespace rdev::carrier {

// A program that carries bytes between its stdin and stdout and something that we cannot reach
// ourselves: `ssh HOST docker system dial-stdio`, `ssh -W`. It asks nothing: there is no terminal
// to ask at.
class Carrier final {
 public:
  struct Started;
  // argv[0] is looked up in PATH (Code::kNotFound). `socket` speaks to the other side until it or
  // the carrier dies.
  static Result<Started> start(const std::vector<std::string>& argv);

  // What it wrote to its stderr, one line, at most 1 KiB.
  std::string complaint() const;

  // True once it has ended.
  bool is_over() { return child_.is_over(); }

 private:
  Carrier(Child child, base::Fd errors) : child_(std::move(child)), errors_(std::move(errors)) {}

  Child child_;
  base::Fd errors_;  // a file in memory, so that it never waits for us to read it
};

struct Carrier::Started {
  base::Fd socket;
  std::unique_ptr<Carrier> carrier;
};

}  // namespace rdev::carrier
