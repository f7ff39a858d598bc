/** The variable with the token of a client. */
export const TOKEN_VARIABLE = 'PONGCHECK_TOKEN';
/** The variable that names the configuration file. */
export const FILE_VARIABLE = 'PONGCHECK_CONFIG';
