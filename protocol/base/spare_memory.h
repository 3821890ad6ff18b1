#pragma once

namespace rdev::base {

// What malloc keeps after a flood, holes of many pages between what is still used, goes back to the
// system. For a process that lives long and is small most of the time: when something may have been
// freed, not much oftener than once a second.
void give_back_memory();

}  // namespace rdev::base
