#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/cluster/openpai/schema.h"

namespace rdev::cluster::openpai {

// The steps from a template to a job. All but complete() want a job without problems.

// Fills in what a template may leave out and the server wants: name, instances, and the image that
// `spec` has. What a template has keeps its place.
void complete(boost::json::value& job, const JobSpec& spec);

// Gives all roles the names that the server would give them, wherever they are named. Returns a
// sentence for each that was changed.
std::vector<std::string> rename_roles(boost::json::value& job);

// The options over what the first role and the job have. Problems are of extras, which the schema
// leaves free.
std::vector<Problem> apply_options(boost::json::value& job, const JobSpec& spec,
                                   std::vector<std::string>& notes);

// The first role's.
std::string role_name(const boost::json::value& job);
boost::json::object& role_of(boost::json::value& job);

// Whether rdev has rendered this document before.
bool is_rendered(const boost::json::value& job);

}  // namespace rdev::cluster::openpai
