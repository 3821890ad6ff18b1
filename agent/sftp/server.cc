#include "agent/sftp/server.h"

#include <cstdio>

namespace rdev::sftp {

int serve(int, int) {
  std::fputs("sftp: this build cannot serve SFTP\n", stderr);
  return 1;
}

}  // namespace rdev::sftp
