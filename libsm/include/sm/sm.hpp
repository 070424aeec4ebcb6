// Everything a service program needs.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sm/config.hpp>
#include <sm/error.hpp>
#include <sm/http.hpp>
#include <sm/job.hpp>
#include <sm/json.hpp>
#include <sm/log.hpp>
#include <sm/manager.hpp>
#include <sm/metrics.hpp>
#include <sm/principal.hpp>
#include <sm/promise.hpp>
#include <sm/queue.hpp>
#include <sm/server.hpp>
#include <sm/service.hpp>
#include <sm/service_spec.hpp>
#include <sm/trace.hpp>
