import { parse, resetSVGDefIds, textMetrics, View } from 'vega';
import { compile } from 'vega-lite';

/** Distinguishable with every common colour blindness (after Okabe and Ito), on white and on black. */
export const colours = { blue: '#0c7bdc', orange: '#d55e00', green: '#1a9d6c', grey: '#8c8c8c' };
/** Readable on white and on black: contrast of at least 4 to 1 with both. */
const TEXT = '#767676';
const LINE = '#767676';

/** Width of a character of a wide sans-serif font, in parts of its size: there is nothing here to measure with. */
const CHARACTER = 0.6;
textMetrics.width = ({ fontSize = 11 }, text) => CHARACTER * fontSize * String(text ?? '').length;

const config = {
  background: null,
  font: 'sans-serif',
  padding: 8,
  title: {
    color: TEXT,
    subtitleColor: TEXT,
    fontSize: 15,
    subtitleFontSize: 12,
    anchor: 'start',
    offset: 14,
    subtitlePadding: 6,
  },
  axis: {
    labelColor: TEXT,
    titleColor: TEXT,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 0,
    domain: false,
    tickColor: LINE,
    gridColor: LINE,
    gridOpacity: 0.25,
  },
  axisY: { grid: false, ticks: false, labelPadding: 8 },
  header: { labelColor: TEXT, titleColor: TEXT, labelFontSize: 12, labelFontWeight: 'bold', labelLimit: 0 },
  legend: {
    labelColor: TEXT,
    titleColor: TEXT,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 0,
  },
  text: { color: TEXT, fontSize: 12 },
  view: { stroke: null },
};

/**
 * A chart as SVG: the same bytes for the same specification.
 * @param {object} specification of Vega-Lite
 * @param {string} description what the picture shows, for those who do not see it
 * @returns {Promise<string>}
 */
export async function draw(specification, description) {
  resetSVGDefIds();
  const { spec } = compile({ ...specification, config: { ...config, ...specification.config } });
  const view = new View(parse(spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  // An image has one description: those of its parts are seen by nobody.
  const plain = svg.replace(/ (?:role|aria-[a-z]+)="[^"]*"/g, '');
  return `${plain.replace('<svg ', `<svg role="img" aria-label="${escaped(description)}" `)}\n`;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
