"""Computes what the functions should give, with numpy, scipy, statsmodels, PyWavelets and scikit-learn, and writes it to
data/expected.json. To run it: pip install numpy scipy statsmodels PyWavelets scikit-learn, then python3 expected.py."""

import json
import math
import pathlib

import numpy as np
import pywt
import scipy.interpolate
import scipy.signal
import scipy.stats
import statsmodels.tsa.stattools

rng = np.random.default_rng(20)
CASES = []


def case(function, inputs, expected, times=None, **attributes):
    inputs = [np.asarray(each) for each in inputs]
    times = list(range(0, 1000 * len(inputs[0]), 1000)) if times is None else [int(each) for each in times]
    kinds = {"i": "INT64", "f": "DOUBLE"}

    def plain(value):
        if isinstance(value, (str, bool)):
            return value
        value = value.item() if hasattr(value, "item") else value
        return "NaN" if isinstance(value, float) and math.isnan(value) else value

    CASES.append({
        "function": function,
        "attributes": [[key, str(value)] for key, value in attributes.items()],
        "times": times,
        "inputs": [{"type": kinds[each.dtype.kind], "values": [plain(value) for value in each]} for each in inputs],
        "points": [[int(time), plain(value)] for time, value in expected],
    })


def numbered(values, first=0):
    return list(enumerate(values, first))


x = np.round(rng.normal(10, 3, 200), 3)
y = np.round(0.5 * x + rng.normal(0, 1, 200), 3)
far = x + 1e9  # A large mean, which loses digits where squares are summed.
t = np.cumsum(rng.integers(200, 1800, 200))
whole = rng.integers(-1000, 1000, 101)
n = len(x)

# Profiling.
overlap = np.minimum(np.arange(1, 2 * n), n)
case("acf", [x], numbered(np.correlate(x, x, "full") / overlap))
case("histogram", [x], numbered(np.histogram(x, bins=12, range=(-5, 31))[0]), min=-5, max=31, count=12)
area = np.trapezoid(x, t)
case("integral", [x], [(0, area / 60000)], t, unit="1m")
case("integralavg", [x], [(0, area / (t[-1] - t[0]))], t)
for values in (x, far, whole):
    case("mad", [values], [(0, scipy.stats.median_abs_deviation(values))])
    case("median", [values], [(0, np.median(values))])
    case("stddev", [values], [(0, np.std(values))])
    case("skew", [values], [(0, scipy.stats.skew(values))])
    case("spread", [values], [(0, np.ptp(values))])
    case("zscore", [values], list(zip(range(0, 1000 * len(values), 1000), scipy.stats.zscore(values))))
    case("minmax", [values], list(zip(range(0, 1000 * len(values), 1000), (values - values.min()) / np.ptp(values))))
    moving = np.convolve(values, np.ones(7) / 7, "valid")
    case("mvavg", [values], list(zip(range(6000, 1000 * len(values), 1000), moving)), window=7)
for rank in (0.05, 0.37, 0.5, 1.0):
    for values in (x, whole):
        value = np.quantile(values, rank, method="inverted_cdf")
        case("percentile", [values], [(1000 * int(np.flatnonzero(values == value)[0]), value)], rank=rank)
partial = statsmodels.tsa.stattools.pacf(y, nlags=20, method="ywadjusted")
case("pacf", [y], list(zip(range(0, 21000, 1000), partial)), lag=20)
standard = scipy.stats.zscore(y)
correlation = np.array([np.sum(standard[k:] * standard[:-k]) / n for k in range(1, 16)])
statistic = n * (n + 2) * np.cumsum(correlation**2 / (n - np.arange(1, 16)))
p = scipy.stats.chi2.sf(statistic, np.arange(1, 16))
case("qlb", [standard], numbered(p, 1) + numbered(correlation, n + 1), lag=15)
for length in (7, 24):
    wave = np.sin(np.arange(300) * 2 * np.pi / length) + rng.normal(0, 0.05, 300)
    case("period", [wave], [(0, length)])
pieces = np.array([0, 600, 1100, 1900, 2400, 2700, 3600, 4000])
bend = np.array([0.0, 2, 1, 1, 4, 3, 3, 5])
slope = np.diff(bend) / np.diff(pieces)
change = np.abs(np.diff(slope))
slopes = np.empty(8)
for first, places in ((0, (0, 1)), (5, (6, 7))):
    parabola = np.polyder(np.polyfit(pieces[first:first + 3] - pieces[0], bend[first:first + 3], 2))
    for at in places:
        slopes[at] = np.polyval(parabola, pieces[at] - pieces[0])
for at in range(2, 6):
    left, right = change[at], change[at - 2]
    slopes[at] = (left * slope[at - 1] + right * slope[at]) / (left + right)
spline = scipy.interpolate.CubicHermiteSpline(pieces, bend, slopes)
case("spline", [bend], [(at, spline(at)) for at in range(0, 4001, 50)], pieces, points=81)
grid = np.arange(t[0], t[-1] + 1, 250)
case("resample", [x], list(zip(grid, np.interp(grid, t, x))), t, every="250ms", interp="linear")
buckets = (t - t[0]) // 60000
for name, function in (("mean", np.mean), ("max", np.max), ("median", np.median)):
    # Each bucket has several values, so that it stands at its beginning.
    values = [(t[0] + 60000 * at, function(x[buckets == at])) for at in range(int(buckets[-1]) + 1)]
    case("resample", [x], values, t, every="1m", aggr=name)

# Matching.
case("cov", [x, y], [(0, np.cov(x, y, bias=True)[0, 1])])
case("cov", [far, y], [(0, np.cov(far, y, bias=True)[0, 1])])
case("pearson", [x, y], [(0, scipy.stats.pearsonr(x, y).statistic)])
case("xcorr", [x, y], numbered(np.correlate(x, y, "full") / overlap))


def warp(a, b):
    cost = np.full((len(a) + 1, len(b) + 1), np.inf)
    cost[0, 0] = 0
    for i in range(len(a)):
        for j in range(len(b)):
            cost[i + 1, j + 1] = abs(a[i] - b[j]) + min(cost[i, j], cost[i, j + 1], cost[i + 1, j])
    return cost[-1, -1]


case("dtw", [x[:60], y[:60]], [(0, warp(x[:60], y[:60]))])

# Anomalies.
spikes = x.copy()
spikes[[20, 77, 150]] = [40, -30, 25]
q1, q3 = np.quantile(spikes, [0.25, 0.75])
outside = (spikes < q1 - 1.5 * (q3 - q1)) | (spikes > q3 + 1.5 * (q3 - q1))
case("iqr", [spikes], [(1000 * at, spikes[at]) for at in np.flatnonzero(outside)])
window, found = 25, []
for at in range(n):
    last = max(at, window - 1)
    part = spikes[last - window + 1:last + 1]
    if abs(spikes[at] - part.mean()) > 2.5 * part.std(ddof=1):
        found.append((1000 * at, spikes[at]))
case("ksigma", [spikes], found, k=2.5, window=window)
plane = np.column_stack([x, y])[:50]
distance = np.linalg.norm(plane[:, None] - plane[None, :], axis=2)
kth = np.sort(distance, axis=1)[:, 4]
sums = np.maximum(distance, kth[:, None]).sum(axis=1)
case("lof", [plane[:, 0], plane[:, 1]], list(zip(range(0, 50000, 1000), sums.sum() / (4 * sums))), k=4)
near = np.array([any(
    sum(abs(spikes[start:start + 50] - value) <= 2.0) < 6
    for start in range(0, n - 49, 20) if start <= at < start + 50) for at, value in enumerate(spikes)])
case("outlier", [spikes], [(1000 * at, spikes[at]) for at in np.flatnonzero(near)], r=2, k=6, w=50, s=20)

# Frequencies.
case("conv", [x, y], numbered(np.convolve(x, y)))
quotient, remainder = scipy.signal.deconvolve(x[30::-1], [4.0, 1.0, -2.0])
divisor = np.concatenate([[-2.0, 1.0, 4.0], np.full(28, np.nan)])
case("deconv", [x[:31], divisor], numbered(quotient[::-1]))
case("deconv", [x[:31], divisor], numbered(remainder[::-1]), result="remainder")
spectrum = np.fft.fft(x)
for name, part in (("real", np.real), ("imag", np.imag), ("abs", np.abs), ("angle", np.angle)):
    case("fft", [x], numbered(part(spectrum)), result=name)
case("ifft", [spectrum.real, spectrum.imag], [(60000 * at, value) for at, value in enumerate(x)], range(n), interval="1m")
rate = np.abs(np.fft.fftfreq(n)) * 2
for name, keep in (("highpass", rate > 0.3 + 1e-12), ("lowpass", rate <= 0.3 + 1e-12)):
    case(name, [x], list(zip(range(0, 200000, 1000), np.fft.ifft(np.where(keep, spectrum, 0)).real)), wpass=0.3)
signal = x[:64]
for name, wavelet in (("haar", "haar"), ("db4", "db2"), ("db6", "db3"), ("db8", "db4")):
    half = len(pywt.Wavelet(wavelet).dec_lo) // 2
    filters = np.array(pywt.Wavelet(wavelet).rec_lo)
    turned = np.array([(-1) ** at * value for at, value in enumerate(filters[::-1])])
    values, length, result = signal.copy(), 64, signal.copy()
    for _ in range(3):
        rows = [[(2 * row + 1 + k - half) % length for k in range(len(filters))] for row in range(length // 2)]
        averages = np.array([filters @ values[row] for row in rows])
        details = np.array([turned @ values[row] for row in rows])
        result[:length] = np.concatenate([averages, details])
        if length == 64:
            # What PyWavelets has is the same, with a place of its own to begin at.
            low, high = pywt.dwt(signal, wavelet, "periodization")
            same = lambda a, b: any(np.allclose(np.roll(a, k), b) or np.allclose(-np.roll(a, k), b) for k in range(32))
            assert same(low, averages) and (same(high, details)), wavelet
        values, length = averages, length // 2
    case("dwt", [signal], list(zip(range(0, 64000, 1000), result)), method=name, layer=3)
    case("idwt", [result], list(zip(range(0, 64000, 1000), signal)), method=name, layer=3)

# Repair.
holed = x[:40].copy()
holed[[3, 4, 5, 11, 20, 21, 30]] = np.nan
times = t[:40]
ok = ~np.isnan(holed)
linear = np.interp(np.arange(40), np.flatnonzero(ok), holed[ok])
case("valuefill", [holed], list(zip(times, linear)), times)
case("valuefill", [holed], list(zip(times, np.where(ok, holed, holed[ok].mean()))), times, method="mean")
# The likelihood of normal changes of speed: least squares.
rows = np.zeros((38, 40))
for at in range(38):
    before, behind = times[at + 1] - times[at], times[at + 2] - times[at + 1]
    rows[at, at:at + 3] = [1 / before, -1 / before - 1 / behind, 1 / behind]
solution = np.linalg.lstsq(rows[:, ~ok] * 1e3, -rows[:, ok] @ holed[ok] * 1e3, rcond=None)[0]
likely = holed.copy()
likely[~ok] = solution
case("valuefill", [holed], list(zip(times, likely)), times, method="likelihood")

path = pathlib.Path(__file__).parent / "data" / "expected.json"
path.write_text("[\n" + ",\n".join(json.dumps(each) for each in CASES) + "\n]\n")
print(len(CASES), "cases")
