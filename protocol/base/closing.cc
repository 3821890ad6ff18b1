#include "protocol/base/closing.h"

#include <sys/socket.h>

namespace rdev::base {

// Not as an option of Asio's sockets: their destructors undo that one.
void set_closing(int socket, Closing how) {
  const linger at_once{.l_onoff = how == Closing::kBreak ? 1 : 0, .l_linger = 0};
  // It fails where the connection has gone.
  (void)::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace rdev::base
